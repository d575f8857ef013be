import { expect, test } from 'vitest';
import { sizeText } from './numbers';

test('a size is told in words that fit it', () => {
  expect(sizeText(0)).toBe('0 bytes');
  expect(sizeText(1)).toBe('1 byte');
  expect(sizeText(9_999)).toBe('9,999 bytes');
  expect(sizeText(10_400)).toBe('10.4 kB');
  expect(sizeText(8 * 1024 * 1024)).toBe('8.4 MB');
});
