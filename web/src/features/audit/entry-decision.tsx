import { Hash } from '../../ui/hash';
import { Chip, StateBadge, type Tone } from '../../ui/state-badge';
import { type Decided, readDecisions, type Verdict } from './decision';
import type { EntryDetail } from './entry-sheet';
import { Part } from './fact';

const VERDICTS: Readonly<Record<Verdict, { word: string; tone: Tone }>> = {
  PERMITTED: { word: 'Permitted', tone: 'positive' },
  BY_ROW: { word: 'By row', tone: 'info' },
  REFUSED: { word: 'Refused', tone: 'warning' },
  NOT_BY_POLICY: { word: 'Beside policies', tone: 'plain' },
};

type Rules = ReadonlyMap<string, { number: number | null; sentence: string | null }>;

/** Which rules decided, of which set of policies, and whether that is the set that serves. */
export function EntryDecision({ entry, serving }: { entry: EntryDetail; serving: string | null }) {
  const rules: Rules = new Map((entry.rules ?? []).flatMap((rule) => (rule.name ? [[rule.name, rule]] : [])));
  const decisions = readDecisions(entry.permission);
  return (
    <Part title="Decision">
      {decisions.length === 0 ? (
        <p className="text-muted">No permission was resolved for this.</p>
      ) : (
        <ul className="flex flex-col gap-2">
          {decisions.map((decided) => (
            <Decision key={decided.subject} decided={decided} rules={rules} />
          ))}
        </ul>
      )}
      <PolicySet decided={entry.policies} serving={serving} />
    </Part>
  );
}

function Decision({ decided, rules }: { decided: Decided; rules: Rules }) {
  const { word, tone } = VERDICTS[decided.verdict];
  return (
    <li className="rounded-md border border-line bg-surface px-3 py-2">
      <p className="flex flex-wrap items-center gap-x-2">
        <code className="mono min-w-0 break-all">{decided.subject}</code>
        <StateBadge tone={tone}>{word}</StateBadge>
      </p>
      {decided.isForWant && (
        <p className="mt-1 text-muted">No rule permitted it. These might have, and did not apply:</p>
      )}
      <ul className="mt-1 flex flex-col gap-1">
        {decided.rules.map((name) => {
          const rule = rules.get(name);
          return (
            <li key={name} className="flex flex-wrap items-baseline gap-x-2">
              {rule?.number && <span className="num font-medium">Rule {rule.number}</span>}
              <Chip isMono>{name}</Chip>
              <span className="text-muted">
                {rule?.sentence ?? 'No policy of that name is in the set that serves now.'}
              </span>
            </li>
          );
        })}
      </ul>
    </li>
  );
}

function PolicySet({ decided, serving }: { decided: string | null; serving: string | null }) {
  if (decided === null) return <p className="text-muted">No set of policies decided this.</p>;
  return (
    <p className="flex flex-wrap items-center gap-x-2">
      <span className="text-muted">Policies</span>
      <Hash value={decided} label="hash of the policies" />
      {serving === null ? (
        <span className="text-muted">Which set serves now is not for you to know.</span>
      ) : serving === decided ? (
        <StateBadge tone="positive">The set that serves now</StateBadge>
      ) : (
        <>
          <StateBadge tone="warning">Another set serves now</StateBadge>
          <Hash value={serving} label="hash of the policies that serve" />
          <span className="text-muted">Numbers and sentences above are those of today.</span>
        </>
      )}
    </p>
  );
}
