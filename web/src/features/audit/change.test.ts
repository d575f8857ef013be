import { expect, test } from 'vitest';
import { fieldName, readPayload, toldText } from './change';

const told = (text: string) =>
  readPayload(text)?.change?.map((one) => [
    one.field,
    one.became,
    one.before === undefined ? undefined : toldText(one.before),
    one.after === undefined ? undefined : toldText(one.after),
  ]);

test('a change tells field by field what was before and what is after', () => {
  const text =
    '{"before":{"role":"worker","scopes":["a","b"],"gone":1},"after":{"role":"admin","scopes":["a","b"],"new":true}}';
  expect(told(text)).toEqual([
    ['role', 'CHANGED', 'worker', 'admin'],
    ['scopes', 'SAME', 'a, b', 'a, b'],
    ['gone', 'REMOVED', '1', undefined],
    ['new', 'ADDED', undefined, 'yes'],
  ]);
});

test('what was made has no before, what was removed no after', () => {
  expect(told('{"before":null,"after":{"name":null}}')).toEqual([['name', 'ADDED', undefined, 'none']]);
  expect(told('{"before":{"name":""},"after":null}')).toEqual([['name', 'REMOVED', '(empty)', undefined]]);
});

test('what was made without a field to tell of was made all the same', () => {
  expect(readPayload('{"before":null,"after":{}}')).toEqual({ deed: 'MADE', change: [], beside: [] });
  expect(readPayload('{"before":{},"after":null}')?.deed).toBe('REMOVED');
  expect(readPayload('{"before":{},"after":{}}')?.deed).toBe('CHANGED');
  expect(readPayload('{"after":{}}')?.deed).toBeNull();
});

test('what nobody knew of is told beside the change, and as it stands', () => {
  const text = '{"before":{"a":1},"after":{"a":2},"role":"owner","of":{"scopes":["x"],"n":null}}';
  const payload = readPayload(text);
  expect(payload?.beside.map(([name, value]) => [name, toldText(value)])).toEqual([
    ['role', 'owner'],
    ['of', 'scopes: x; n: none'],
  ]);
  const plain = readPayload('{"fields":["accounts"],"hidden":0,"before":"x"}');
  expect(plain?.change).toBeNull();
  expect(plain?.beside.map(([name]) => name)).toEqual(['fields', 'hidden', 'before']);
});

test('numbers differ by their last digit', () => {
  expect(told('{"before":{"n":12345678901234567890},"after":{"n":12345678901234567891}}')).toEqual([
    ['n', 'CHANGED', '12345678901234567890', '12345678901234567891'],
  ]);
});

test('what is no object is no payload', () => {
  for (const text of ['', '[]', '7', '"a"', 'null', '{']) expect(readPayload(text)).toBeNull();
});

test('a field is named in words', () => {
  expect(fieldName('revokedAt')).toBe('Revoked at');
  expect(fieldName('file_name')).toBe('File name');
});
