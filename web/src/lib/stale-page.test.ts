import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
  vi.spyOn(performance, 'now').mockReturnValue(60_001);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.innerHTML = '';
});

async function stale(): Promise<(reload: () => void) => void> {
  const { reloadStalePage } = await import('./stale-page');
  return reloadStalePage;
}

test('a page that is older than the server is loaded anew, unless it was just loaded', async () => {
  const reload = vi.fn();
  const reloadStalePage = await stale();
  reloadStalePage(reload);
  expect(reload).toHaveBeenCalledOnce();
  vi.spyOn(performance, 'now').mockReturnValue(60_000);
  reloadStalePage(reload);
  expect(reload).toHaveBeenCalledOnce();
});

test('what somebody has typed is not lost before they are asked, once', async () => {
  document.body.innerHTML = '<form><input type="checkbox"><textarea></textarea></form>';
  const ask = vi.fn(() => false);
  vi.stubGlobal('confirm', ask);
  const reload = vi.fn();
  let reloadStalePage = await stale();
  reloadStalePage(reload);
  expect(ask).not.toHaveBeenCalled();
  expect(reload).toHaveBeenCalledOnce();
  const field = document.querySelector('textarea');
  if (field) field.value = 'a rule of half a page';
  reloadStalePage(reload);
  reloadStalePage(reload);
  expect(ask).toHaveBeenCalledOnce();
  expect(reload).toHaveBeenCalledOnce();
  vi.resetModules();
  ask.mockReturnValue(true);
  reloadStalePage = await stale();
  reloadStalePage(reload);
  expect(reload).toHaveBeenCalledTimes(2);
});
