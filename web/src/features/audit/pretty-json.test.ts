import { expect, test } from 'vitest';
import { prettyJson } from './pretty-json';

test('a payload is laid out anew and nothing in it changed', () => {
  const text = '{"a":1.10,"b":["x, {y}","q\\"uote"],"big":12345678901234567890,"none":{},"l":[]}';
  const pretty = prettyJson(text);
  expect(pretty).toContain('"a": 1.10');
  expect(pretty).toContain('"big": 12345678901234567890');
  expect(pretty).toContain('"x, {y}"');
  expect(pretty).toContain('"none": {}');
  expect(JSON.parse(pretty)).toEqual(JSON.parse(text));
});
