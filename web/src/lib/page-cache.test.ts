import { afterEach, expect, test, vi } from 'vitest';
import { neverShowAgain } from './page-cache';

let stop = () => {};

afterEach(() => {
  stop();
  document.body.hidden = false;
});

function pass(type: string, persisted: boolean) {
  dispatchEvent(Object.assign(new Event(type), { persisted }));
}

test('a page that the browser keeps is hidden as it goes, and loaded anew if it returns', () => {
  const reload = vi.fn();
  stop = neverShowAgain(reload);
  pass('pagehide', true);
  expect(document.body.hidden).toBe(true);
  expect(reload).not.toHaveBeenCalled();
  pass('pageshow', true);
  expect(reload).toHaveBeenCalledOnce();
});

test('a page that is loaded the ordinary way is left alone', () => {
  const reload = vi.fn();
  stop = neverShowAgain(reload);
  pass('pageshow', false);
  pass('pagehide', false);
  expect(document.body.hidden).toBe(false);
  expect(reload).not.toHaveBeenCalled();
});
