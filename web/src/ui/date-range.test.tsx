import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { DateRange, type Dates } from './date-range';

afterEach(cleanup);

/** A field whose days stand somewhere else, as in the address. */
function range(first?: string) {
  const changed = vi.fn();
  const page = (dates: Dates) => <DateRange {...dates} onChange={onChange} />;
  const onChange = (change: Dates) => {
    changed(change);
    set(change);
  };
  const { rerender } = render(page({ from: first }));
  const set = (dates: Dates) => rerender(page(dates));
  const field = screen.getByLabelText<HTMLInputElement>('From');
  const type = (value: string) => fireEvent.change(field, { target: { value } });
  return { field, type, changed, set };
}

test('a year that is being typed is kept in the field, and told once it is whole', () => {
  const { field, type, changed } = range();
  for (const half of ['0002-03-05', '0020-03-05', '0202-03-05']) {
    type(half);
    expect(field.value).toBe(half);
  }
  expect(changed).not.toHaveBeenCalled();
  type('2026-03-05');
  expect(changed).toHaveBeenCalledExactlyOnceWith({ from: '2026-03-05' });
  fireEvent.keyDown(field, { key: 'Enter' });
  fireEvent.blur(field);
  expect(changed).toHaveBeenCalledOnce();
});

test('a field that is left half typed says again what holds', () => {
  const { field, type, changed } = range('2026-01-01');
  type('0020-03-05');
  fireEvent.blur(field);
  expect(field.value).toBe('2026-01-01');
  Object.defineProperty(field, 'validity', { value: { badInput: true }, configurable: true });
  type('');
  expect(field.value).toBe('');
  fireEvent.blur(field);
  expect(field.value).toBe('2026-01-01');
  expect(changed).not.toHaveBeenCalled();
});

test('a field that was emptied is open', () => {
  const { type, changed } = range('2026-01-01');
  type('');
  expect(changed).toHaveBeenCalledExactlyOnceWith({ from: undefined });
});

test('a change from elsewhere is followed, also back to what was typed', () => {
  const { field, type, set } = range();
  type('2026-03-05');
  set({ from: undefined });
  expect(field.value).toBe('');
  set({ from: '2026-03-05' });
  expect(field.value).toBe('2026-03-05');
});
