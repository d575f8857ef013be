/** Why a value is null: policy hid it. The rule is null to those who may not know it. */
export interface Redaction {
  readonly rule: string | null;
  readonly count: number;
}

/** What policy hid in one answer, by the path of the field with `*` for every place in a list. */
export type Redactions = ReadonlyMap<string, Redaction>;

/** Reads `extensions.redactions`. What is not of the agreed form is left out. */
export function readRedactions(raw: unknown): Redactions {
  const found = new Map<string, Redaction>();
  if (!Array.isArray(raw)) return found;
  for (const one of raw as unknown[]) {
    if (typeof one !== 'object' || one === null) continue;
    const { path, rule, count } = one as { path?: unknown; rule?: unknown; count?: unknown };
    if (typeof path !== 'string') continue;
    const before = found.get(path);
    const counted = typeof count === 'number' ? count : 1;
    found.set(path, {
      rule: typeof rule === 'string' ? rule : (before?.rule ?? null),
      count: (before?.count ?? 0) + counted,
    });
  }
  return found;
}

/** The reason for which a field is null, or nothing if it is there or just has no value. */
export function redactionAt(redactions: Redactions, path: string, value: unknown): Redaction | null {
  return value === null || value === undefined ? (redactions.get(path) ?? null) : null;
}
