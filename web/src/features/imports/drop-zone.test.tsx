import { cleanup, createEvent, fireEvent, render } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { DropZone } from './drop-zone';

afterEach(cleanup);

test('a file that is dropped beside the zone does not take the place of the app', () => {
  const onFile = vi.fn();
  const dropped = () => {
    const drop = createEvent.drop(document.body);
    fireEvent(document.body, drop);
    return drop.defaultPrevented;
  };
  const { unmount } = render(<DropZone fileName={null} isDisabled={false} onFile={onFile} />);
  expect(dropped()).toBe(true);
  expect(onFile).not.toHaveBeenCalled();
  unmount();
  expect(dropped()).toBe(false);
});
