import { cleanup, fireEvent, render } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { Shortcuts } from './shortcuts';

const { navigate } = vi.hoisted(() => ({ navigate: vi.fn() }));
vi.mock('@tanstack/react-router', () => ({ useNavigate: () => navigate }));
vi.mock('./navigation', () => ({
  useNavigation: () => ({ items: [{ key: 'a', to: '/t/$slug/accounts' }] }),
}));

afterEach(() => {
  cleanup();
  navigate.mockReset();
});

function shortcuts(beside: React.ReactNode) {
  const actions = { onPalette: vi.fn(), onSheet: vi.fn(), onSwitcher: vi.fn() };
  render(
    <>
      <Shortcuts slug="northwind" {...actions} />
      {beside}
    </>,
  );
  const press = (init: KeyboardEventInit) => fireEvent.keyDown(document.body, init);
  press({ key: 'k', ctrlKey: true });
  press({ key: 'O', ctrlKey: true, shiftKey: true });
  press({ key: '?' });
  press({ key: 'g' });
  press({ key: 'a' });
  return actions;
}

test('the keys open what they say', () => {
  const { onPalette, onSwitcher, onSheet } = shortcuts(null);
  expect(onPalette).toHaveBeenCalledOnce();
  expect(onSwitcher).toHaveBeenCalledOnce();
  expect(onSheet).toHaveBeenCalledOnce();
  expect(navigate).toHaveBeenCalledWith({ to: '/t/$slug/accounts', params: { slug: 'northwind' } });
});

test('nothing is opened above a dialog', () => {
  const { onPalette, onSwitcher, onSheet } = shortcuts(<div role="dialog" />);
  expect(onPalette).not.toHaveBeenCalled();
  expect(onSwitcher).not.toHaveBeenCalled();
  expect(onSheet).not.toHaveBeenCalled();
  expect(navigate).not.toHaveBeenCalled();
});
