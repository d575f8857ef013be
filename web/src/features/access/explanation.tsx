import type { ReactNode } from 'react';
import type { ExplanationFragment, RuleFragment } from '../../graphql/generated/documents';
import { Chip } from '../../ui/state-badge';
import { DecisionBadge } from './decision-badge';
import { CUSTODIAN_NAMES, deed } from './names';

/** Says to oneself what is said of others. */
type Say = (words: string) => string;

/** Why somebody may, or may not: the decision, the rules in their own text, and what was looked at. */
export function Explanation({ told, who }: { told: ExplanationFragment; who: string | null }) {
  const say: Say = (words) => (who ? words : words.replaceAll('their own', 'your own'));
  const may = told.decision === 'REFUSED' ? 'may not' : 'may';
  const rows = told.decision === 'DEPENDS_ON_ROW' ? ', on some rows' : '';
  return (
    <article aria-label="Explanation" className="flex flex-col gap-5">
      <header>
        <DecisionBadge decision={told.decision} />
        <h2 className="mt-1 text-base font-semibold">
          {who ?? 'You'} {may} {deed(told.action ?? '', told.row !== null)}
          {rows}
        </h2>
        <code className="mono text-muted">{told.action}</code>
      </header>
      <Reason told={told} say={say} />
      {told.condition && <OnRows condition={told.condition} say={say} />}
      <Facts told={told} say={say} />
    </article>
  );
}

function Reason({ told: { decision, rules, nearest }, say }: { told: ExplanationFragment; say: Say }) {
  if (decision === 'REFUSED' && (rules ?? []).length === 0) {
    return (
      <Part
        title="No rule permits it"
        note={
          nearest?.length
            ? 'Nothing is allowed that no rule permits. These come nearest, and this is what each still wants:'
            : 'Nothing is allowed that no rule permits, and no rule speaks of this.'
        }
      >
        {nearest?.map(
          ({ rule, needs, fails }) =>
            rule && (
              <RuleCard key={rule.name} rule={rule}>
                <p>
                  <span className="text-muted">Missing: </span>
                  {needs ? say(needs) : <code className="mono break-words">{fails}</code>}
                </p>
              </RuleCard>
            ),
        )}
      </Part>
    );
  }
  const [title, note] =
    decision === 'REFUSED'
      ? ['A rule forbids it', 'What forbids stands above every permit, whatever role or capability one has.']
      : decision === 'ALLOWED'
        ? ['Permitted by', null]
        : ['Rules that look at the row', 'Whether it is so is decided for each row.'];
  return (
    <Part title={title ?? ''} note={note}>
      {rules?.map((rule) => (
        <RuleCard key={rule.name} rule={rule} />
      ))}
    </Part>
  );
}

function Part({ title, note, children }: { title: string; note?: ReactNode; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-2">
      <h3 className="font-semibold">{title}</h3>
      {note && <p className="max-w-prose text-muted">{note}</p>}
      {children}
    </section>
  );
}

function RuleCard({ rule, children }: { rule: RuleFragment; children?: ReactNode }) {
  return (
    <div className="rounded-md border border-line bg-raised px-3 py-2">
      <p className="flex flex-wrap items-center gap-x-2">
        <Chip isMono>{rule.name}</Chip>
        <span className="font-medium">{rule.sentence}</span>
      </p>
      {children && <div className="mt-1.5">{children}</div>}
      <details className="mt-1.5">
        <summary className="w-fit cursor-pointer text-muted hover:text-text">The rule’s text</summary>
        <pre className="mono mt-1.5 overflow-x-auto rounded bg-surface p-2 whitespace-pre-wrap">
          {rule.text}
        </pre>
      </details>
    </div>
  );
}

function OnRows({ condition, say }: { condition: NonNullable<ExplanationFragment['condition']>; say: Say }) {
  return (
    <Part title="On which rows">
      <p>
        Rows that are <strong>{say(condition.words ?? '')}</strong>.
      </p>
      {condition.sql && (
        <details>
          <summary className="w-fit cursor-pointer text-muted hover:text-text">
            What lists ask the database
          </summary>
          <pre className="mono mt-1.5 overflow-x-auto rounded bg-surface p-2 whitespace-pre-wrap">
            {condition.sql}
          </pre>
        </details>
      )}
    </Part>
  );
}

function Facts({ told: { principal, row, tenantSuspended }, say }: { told: ExplanationFragment; say: Say }) {
  const granted = principal?.capabilities ?? principal?.scopes ?? [];
  return (
    <Part title="What was looked at" note="Rules see this and nothing else.">
      <dl className="max-w-xl">
        {principal?.role && (
          <Fact term="Role">
            <Chip>{principal.role}</Chip>
          </Fact>
        )}
        <Fact term={principal?.kind === 'MACHINE' ? 'Scopes' : 'Capabilities'}>
          {granted.length === 0 ? (
            'None'
          ) : (
            <span className="flex flex-wrap gap-1">
              {granted.map((one) => (
                <Chip key={one} isMono>
                  {one}
                </Chip>
              ))}
            </span>
          )}
        </Fact>
        {typeof principal?.secondFactor === 'boolean' && (
          <Fact term="Second factor">{principal.secondFactor ? 'Given' : 'Not given'}</Fact>
        )}
        <Fact term="Tenant">{tenantSuspended ? 'Suspended: it can be read, not changed' : 'Active'}</Fact>
        {row && (
          <Fact term="Row">
            {row.personal === null ? 'Of the tenant' : row.personal ? 'Of the household' : 'Of the company'}
          </Fact>
        )}
        {row?.custodian && <Fact term="Custodian">{say(CUSTODIAN_NAMES[row.custodian])}</Fact>}
      </dl>
    </Part>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div className="grid min-h-9 grid-cols-[120px_minmax(0,1fr)] items-center border-b border-line py-1">
      <dt className="text-muted">{term}</dt>
      <dd className="break-words">{children}</dd>
    </div>
  );
}
