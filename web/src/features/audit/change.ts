/** A value of a payload. Numbers stay the text that they were written as. */
export type Told = string | boolean | null | NumberText | readonly Told[] | { readonly [name: string]: Told };

/** A number as it stands in the text, so that none loses its last digits. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What became of a field. */
export type Became = 'ADDED' | 'REMOVED' | 'CHANGED' | 'SAME';

/** A field before and after; a value is undefined where there was none. */
export interface Difference {
  readonly field: string;
  readonly became: Became;
  readonly before: Told | undefined;
  readonly after: Told | undefined;
}

/** What was done to the thing as a whole. */
export type Deed = 'MADE' | 'REMOVED' | 'CHANGED';

/** What a payload says: the change, if it is of one, and what is told beside it. */
export interface Payload {
  readonly deed: Deed | null;
  readonly change: readonly Difference[] | null;
  readonly beside: readonly (readonly [string, Told])[];
}

type Facts = { readonly [name: string]: Told };

function isFacts(value: Told | undefined): value is Facts {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText)
  );
}

const NUMBER_OR_TEXT = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
const MARK = '\\u0000';

/** Reads a payload; nothing where its text is no object. What is not known is told as it stands. */
export function readPayload(text: string): Payload | null {
  let whole: Told;
  try {
    // Numbers are read as marked texts: browsers would round the long ones.
    const marked = text.replace(NUMBER_OR_TEXT, (token) =>
      token.startsWith('"') ? token : `"${MARK}${token}"`,
    );
    whole = JSON.parse(marked, (_, value: unknown) =>
      typeof value === 'string' && value.startsWith('\0') ? new NumberText(value.slice(1)) : value,
    ) as Told;
  } catch {
    return null;
  }
  if (!isFacts(whole)) return null;
  const { before, after, ...rest } = whole;
  const isPart = (part: Told | undefined) => part === null || isFacts(part);
  if (before === undefined || after === undefined || !isPart(before) || !isPart(after)) {
    return { deed: null, change: null, beside: Object.entries(whole) };
  }
  return {
    deed: before === null ? 'MADE' : after === null ? 'REMOVED' : 'CHANGED',
    change: differences(isFacts(before) ? before : {}, isFacts(after) ? after : {}),
    beside: Object.entries(rest),
  };
}

function differences(before: Facts, after: Facts): Difference[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return fields.map((field) => {
    const [was, is] = [before[field], after[field]];
    return { field, became: became(was, is), before: was, after: is };
  });
}

function became(was: Told | undefined, is: Told | undefined): Became {
  if (was === undefined) return 'ADDED';
  if (is === undefined) return 'REMOVED';
  return toldText(was) === toldText(is) ? 'SAME' : 'CHANGED';
}

/** A value as a reader reads it. */
export function toldText(value: Told): string {
  if (value === null) return 'none';
  if (value instanceof NumberText) return value.text;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value === '' ? '(empty)' : value;
  if (Array.isArray(value)) {
    const texts = (value as readonly Told[]).map(toldText);
    return texts.length === 0 ? 'none' : texts.join(', ');
  }
  return Object.entries(value as Facts)
    .map(([name, part]) => `${name}: ${toldText(part)}`)
    .join('; ');
}

/** `revokedAt` as `Revoked at`. */
export function fieldName(field: string): string {
  const words = field
    .replace(/[_-]+/g, ' ')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
