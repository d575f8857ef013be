import type { ReactNode } from 'react';
import { sentence } from '../graphql/user-errors';
import { groupName } from '../lib/capabilities';
import { countText } from '../lib/numbers';
import { Icon } from './icon';

interface Change {
  readonly group: string;
  readonly actions: readonly string[];
  readonly rows: string | null;
}

interface Affected {
  readonly member: { readonly id: string; readonly name: string | null };
  readonly gains: readonly Change[];
  readonly losses: readonly Change[];
}

interface EndingToken {
  readonly id: string;
  readonly name: string;
  readonly lastFour: string;
}

export interface Preview {
  readonly gains: readonly Change[];
  readonly losses: readonly Change[];
  readonly members: readonly Affected[];
  readonly memberCount: number;
  readonly ceilings: readonly {
    readonly rule: string;
    readonly sentence: string;
    readonly capabilities: readonly string[];
    readonly rows: string | null;
  }[];
  /** Null for who sees no tokens. */
  readonly tokens: readonly EndingToken[] | null;
  readonly refusals: readonly { readonly message: string }[];
}

const named = (names: readonly string[]) => names.map(groupName).join(', ');
const short = (changes: readonly Change[]) => named([...new Set(changes.map((change) => change.group))]);

function Changes({ of, isGain }: { of: readonly Change[]; isGain: boolean }) {
  return of.map((change) => (
    <li key={`${change.group} ${change.rows}`} className="flex items-start gap-2 py-0.5">
      <span className={`w-10 shrink-0 text-xs leading-5 ${isGain ? 'text-positive' : 'text-danger'}`}>
        {isGain ? 'gains' : 'loses'}
      </span>
      <details className="min-w-0">
        <summary>
          {groupName(change.group)}
          {change.rows && <span className="text-muted"> · {change.rows}</span>}
        </summary>
        <p className="mono break-words text-muted">{change.actions.join(', ')}</p>
      </details>
    </li>
  ));
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <h3 className="text-xs font-medium text-muted">{title}</h3>
      {children}
    </div>
  );
}

/** API tokens that a change would revoke, by name and last digits. */
export function EndingTokens({ of: tokens }: { of: readonly EndingToken[] }) {
  return tokens.map((token, at) => (
    <span key={token.id}>
      {at > 0 && ', '}
      {token.name} <code className="mono text-muted">cst_…{token.lastFour}</code>
    </span>
  ));
}

/** What a change would come to: who is affected, what each gains and loses, and which ceilings still win. */
export function RightsPreview({ of: preview, whose }: { of: Preview; whose: string }) {
  const isNothing = preview.gains.length === 0 && preview.losses.length === 0;
  return (
    <section
      aria-label="Preview"
      className="flex flex-col gap-3 rounded-md border border-line bg-surface px-3 py-2.5"
    >
      <Part title={whose}>
        {isNothing ? (
          <p>gains nothing and loses nothing.</p>
        ) : (
          <ul>
            <Changes of={preview.gains} isGain />
            <Changes of={preview.losses} isGain={false} />
          </ul>
        )}
      </Part>
      {preview.ceilings.length > 0 && (
        <Part title="Ceilings that still win">
          <ul>
            {preview.ceilings.map((ceiling) => (
              <li key={ceiling.rule} className="flex items-start gap-2 py-0.5">
                <span className="flex h-5 items-center text-warning">
                  <Icon name="lock" size={13} />
                </span>
                <span>
                  {ceiling.sentence} <code className="mono text-muted">{ceiling.rule}</code>
                  <span className="block text-xs text-muted">
                    Against: {named(ceiling.capabilities)}
                    {ceiling.rows && ` · ${ceiling.rows}`}
                  </span>
                </span>
              </li>
            ))}
          </ul>
        </Part>
      )}
      {preview.tokens && preview.tokens.length > 0 && (
        <Part title="API tokens that end, because their maker may not grant them any more">
          <p className="break-words">
            <EndingTokens of={preview.tokens} />
          </p>
        </Part>
      )}
      {preview.refusals.map((refusal) => (
        <p key={refusal.message} role="alert" className="text-danger">
          {sentence(refusal.message)}
        </p>
      ))}
    </section>
  );
}

/** Everybody whom a change of their role affects, each with what it comes to for them. */
export function AffectedMembers({ of: preview }: { of: Preview }) {
  if (preview.memberCount === 0) return <p className="text-muted">Nobody has this role yet.</p>;
  const more = preview.memberCount - preview.members.length;
  return (
    <div className="relative overflow-x-auto">
      <table className="ledger">
        <caption className="mb-1 text-left text-xs font-medium">
          {preview.memberCount === 1
            ? '1 member is affected'
            : `${countText(preview.memberCount)} members are affected`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Member</th>
            <th scope="col">Gains</th>
            <th scope="col">Loses</th>
          </tr>
        </thead>
        <tbody>
          {preview.members.map((one) => (
            <tr key={one.member.id}>
              <td className="whitespace-nowrap">{one.member.name ?? one.member.id}</td>
              <td>{short(one.gains) || '–'}</td>
              <td>{short(one.losses) || '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p className="text-xs text-muted">and {countText(more)} more</p>}
    </div>
  );
}
