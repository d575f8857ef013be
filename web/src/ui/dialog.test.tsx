import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import { Dialog } from './dialog';
import { showToast, Toasts } from './toasts';

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function press(target: Element) {
  fireEvent.pointerDown(target, { pointerType: 'mouse' });
  fireEvent.mouseDown(target);
  fireEvent.pointerUp(target, { pointerType: 'mouse' });
  fireEvent.mouseUp(target);
  fireEvent.click(target, { detail: 1 });
}

test('a toast stands above a dialog, can be pressed, and does not close it', async () => {
  const onClose = vi.fn();
  const undo = vi.fn();
  const { container } = render(
    <>
      <Toasts />
      <Dialog isOpen isSheet title="Rent" onClose={onClose}>
        Its category
      </Dialog>
    </>,
  );
  await screen.findByRole('dialog');
  act(() => showToast({ title: 'Now in Housing', action: { label: 'Undo', run: undo } }));
  const button = screen.getByRole('button', { name: 'Undo' });
  expect(container.contains(button)).toBe(false);
  press(button);
  expect(undo).toHaveBeenCalledOnce();
  expect(onClose).not.toHaveBeenCalled();
  const backdrop = document.querySelector('.backdrop');
  if (!backdrop) throw new Error('nothing is behind the dialog');
  press(backdrop);
  expect(onClose).toHaveBeenCalledOnce();
});

test('a dialog with a form begins in its first field, another with the way out', async () => {
  const dialog = (title: string, within: ReactNode) => (
    <Dialog isOpen title={title} onClose={vi.fn()}>
      {within}
    </Dialog>
  );
  render(
    dialog(
      'New category',
      <form>
        <input aria-label="Name" />
      </form>,
    ),
  );
  await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText('Name')));
  cleanup();
  render(dialog('Rent', 'Its category'));
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Close' })));
});

test('a toast stays while one is at it', () => {
  vi.useFakeTimers();
  render(<Toasts />);
  act(() => showToast({ title: 'Now in Rent' }));
  const toast = screen.getByText('Now in Rent');
  fireEvent.pointerEnter(toast);
  act(() => vi.advanceTimersByTime(20_000));
  expect(screen.queryByText('Now in Rent')).toBeTruthy();
  fireEvent.pointerLeave(toast);
  act(() => vi.advanceTimersByTime(8_000));
  expect(screen.queryByText('Now in Rent')).toBeNull();
});
