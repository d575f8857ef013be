// What the schema may not do to those who built on the last release: lose or change anything, but
// fields that were deprecated there, after their day.
import { readFileSync } from 'node:fs';

import { buildSchema, findBreakingChanges, specifiedDirectives } from 'graphql';

const read = (path) => readFileSync(new URL(`../../api/${path}`, import.meta.url), 'utf8');

/**
 * What was changed since that release because it told what policy hides: the fields are null to those who may not
 * read them. Emptied when the release becomes another.
 */
const FOR_SECRECY = [
  'Import.fileName changed type from String! to String.',
  'Import.sha256 changed type from String! to String.',
  'ImportProgress.fileName changed type from String! to String.',
];

/** The changes that break somebody, of `now` against `released`, on a day. */
export function breaking(released, now, today) {
  const before = buildSchema(released);
  return findBreakingChanges(before, buildSchema(now)).filter((change) => {
    // The specification's own directives are spelt out in one text and understood in the other.
    if (specifiedDirectives.some(({ name }) => change.description.endsWith(` removed from ${name}.`)))
      return false;
    const [, type, field] = /^(\w+)\.(\w+) was removed\.$/.exec(change.description) ?? [];
    const reason = type && before.getType(type)?.getFields?.()[field]?.deprecationReason;
    const [, until] = /, until (\d{4}-\d{2}-\d{2}): /.exec(reason ?? '') ?? [];
    return !(until && until < today);
  });
}

export default async function evolution({ check }) {
  await check('the schema breaks nobody who built on the last release', () => {
    const today = new Date().toISOString().slice(0, 10);
    const found = breaking(read('schema.released.graphql'), read('schema.graphql'), today);
    const told = found.map((one) => one.description).filter((one) => !FOR_SECRECY.includes(one));
    if (told.length > 0) throw new Error(told.join(' '));
  });
  await check(
    'the check for breaking changes can fail, and lets deprecated fields go after their day',
    () => {
      const gone = 'type Query { a: Int }';
      const dated =
        'type Query { a: Int b: Int @deprecated(reason: "since 2026-01-01, until 2026-06-30: use `a`") }';
      const cases = [
        [breaking('type Query { a: Int b: Int }', gone, '2030-01-01'), 1],
        [breaking(dated, gone, '2026-06-30'), 1],
        [breaking(dated, gone, '2026-07-01'), 0],
        [breaking(dated, 'type Query { a: String b: Int }', '2026-07-01'), 1],
      ];
      for (const [found, expected] of cases) {
        if (found.length !== expected) throw new Error(`${found.length} instead of ${expected}`);
      }
    },
  );
}
