import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '.');
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
  (name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name) && !name.includes('generated'),
);
const imports = (name: string) =>
  [...readFileSync(join(SRC, name), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(
    ([, path = '']) => join(name, '..', path),
  );

test('features know neither each other nor what is above them; the parts of the design know none of it', () => {
  const wrong: string[] = [];
  for (const name of files) {
    const [floor = '', area = ''] = name.split('/');
    for (const target of imports(name)) {
      const [to = '', toArea = ''] = target.split('/');
      const isWrong =
        (['app', 'routes'].includes(to) && !['app', 'routes'].includes(floor)) ||
        (floor === 'features' && to === 'features' && toArea !== area) ||
        (['ui', 'lib', 'graphql'].includes(floor) && to === 'features') ||
        (floor === 'lib' && to === 'ui');
      if (isWrong) wrong.push(`${name} -> ${target}`);
    }
  }
  expect(files.length).toBeGreaterThan(50);
  expect(wrong).toEqual([]);
});

test('numbers, money and dates are written in one way', () => {
  const own = /\.toLocale\w*String\(|\bIntl\./;
  const wrong = files.filter(
    (name) => !name.startsWith('lib/') && own.test(readFileSync(join(SRC, name), 'utf8')),
  );
  expect(wrong).toEqual([]);
});

test('no screen concludes anything from a role', () => {
  const named = /['"`](owner|admin|manager|accountant|worker|family|auditor)['"`]/;
  expect(files.filter((name) => named.test(readFileSync(join(SRC, name), 'utf8')))).toEqual([]);
});

test('a file is short enough to be read at once', () => {
  const long = files.filter((name) => readFileSync(join(SRC, name), 'utf8').split('\n').length > 400);
  expect(long).toEqual([]);
});
