import { expect, test } from 'vitest';
import { byteText } from './names';

test('a size is told in words that fit it', () => {
  expect(byteText(0)).toBe('0 bytes');
  expect(byteText(1)).toBe('1 byte');
  expect(byteText(9_999)).toBe('9,999 bytes');
  expect(byteText(10_400)).toBe('10 kB');
});
