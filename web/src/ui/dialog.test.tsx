import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { Dialog } from './dialog';
import { showToast, Toasts } from './toasts';

afterEach(cleanup);

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
