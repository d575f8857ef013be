/** How an action was decided. */
export type Verdict = 'PERMITTED' | 'REFUSED' | 'BY_ROW' | 'NOT_BY_POLICY';

/** One action of a permission, with the rules that decided it. */
export interface Decided {
  /** `Query.accounts`; the whole text where it is of another form. */
  readonly subject: string;
  readonly verdict: Verdict;
  /** By their names. Of a refusal for want of a permit, those that might have permitted. */
  readonly rules: readonly string[];
  /** Whether no rule permitted it, in the place of one that forbade it. */
  readonly isForWant: boolean;
}

const FORMS: readonly (readonly [RegExp, Verdict])[] = [
  [/^(\S+) by row of (.*)$/, 'BY_ROW'],
  [/^(\S+) by (.*)$/, 'PERMITTED'],
  [/^(\S+) refused by (.*)$/, 'REFUSED'],
];

function names(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Reads the permission of an entry. What is of no known form is told as it stands. */
export function readDecisions(permission: string): Decided[] {
  const parts = permission.split(';').map((part) => part.trim());
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      for (const [form, verdict] of FORMS) {
        const [, subject, by] = form.exec(part) ?? [];
        if (subject === undefined || by === undefined) continue;
        const wanted = /^no-permit\((.*)\)$/.exec(by)?.[1];
        return { subject, verdict, rules: names(wanted ?? by), isForWant: wanted !== undefined };
      }
      return { subject: part, verdict: 'NOT_BY_POLICY', rules: [], isForWant: false };
    });
}
