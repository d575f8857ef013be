import { expect, test } from 'vitest';
import { decodeStart, readFile } from './read-file';

test('a file in Windows-1252 shows its letters', () => {
  const bytes = Uint8Array.from([0x47, 0x65, 0x62, 0xfc, 0x68, 0x72]);
  expect(decodeStart(bytes)).toBe('Gebühr');
});

test('a file in UTF-8 does too, also where the preview ends within a letter', () => {
  expect(decodeStart(new TextEncoder().encode('\uFEFFGebühr €'))).toBe('Gebühr €');
  const long = new TextEncoder().encode(`${'a'.repeat(16_383)}ü;more`);
  expect(decodeStart(long)).toBe('a'.repeat(16_383));
});

test('a file is read whole, and its preview from its start', async () => {
  const file = new File([Uint8Array.from([0x44, 0x3b, 0x54, 0x3b, 0xc4])], 'bank.csv');
  const read = await readFile(file);
  expect(read.content).toBe('RDtUO8Q=');
  expect(read.csv?.header).toEqual(['D', 'T', 'Ä']);
});
