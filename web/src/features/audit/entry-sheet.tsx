import { AuditEntryDetailDocument, type AuditEntryDetailQuery } from '../../graphql/generated/documents';
import { useTenantQuery } from '../../graphql/use-tenant';
import type { AuditSearch } from '../../lib/filters';
import { instantText } from '../../lib/time';
import { Dialog } from '../../ui/dialog';
import { ErrorPanel, SkeletonRows } from '../../ui/panels';
import { Chip, StateBadge } from '../../ui/state-badge';
import { EntryChange } from './entry-change';
import { EntryDecision } from './entry-decision';
import { EntryProof } from './entry-proof';
import { Fact, Part } from './fact';
import { OUTCOME_NAMES, OUTCOME_TONES } from './names';

export type EntryDetail = NonNullable<AuditEntryDetailQuery['auditEntries']>['nodes'][number];

/** One entry in full, beside the list: who, what, the difference, the decision, and its place in the chain. */
export function EntrySheet({
  seq,
  onClose,
  onFilter,
}: {
  seq: number;
  onClose: () => void;
  onFilter: (filter: AuditSearch) => void;
}) {
  const { data, error, isPending, refetch } = useTenantQuery(AuditEntryDetailDocument, { seq });
  const entry = data?.data.auditEntries?.nodes[0] ?? null;
  return (
    <Dialog isOpen onClose={onClose} isSheet isWide title={`Entry ${seq}`} description={entry?.action}>
      {error ? (
        <ErrorPanel error={error} what="This entry" onRetry={() => void refetch()} />
      ) : isPending ? (
        <SkeletonRows columns={['w-20', 'w-40']} />
      ) : !entry ? (
        <p className="text-muted">There is no entry of this number in this tenant’s log, or not for you.</p>
      ) : (
        <>
          <Who entry={entry} onFilter={onFilter} />
          <EntryChange payload={entry.payload} />
          <EntryDecision entry={entry} serving={data?.data.policySet?.version ?? null} />
          <EntryProof entry={entry} />
        </>
      )}
    </Dialog>
  );
}

/** `public 203.0.113.0/24` as its class and its network. */
function sourceParts(source: string): readonly [string, string] {
  const [kind = '', ...network] = source.split(' ');
  return [kind, network.join(' ')];
}

function Who({ entry, onFilter }: { entry: EntryDetail; onFilter: (filter: AuditSearch) => void }) {
  const [kind, network] = sourceParts(entry.source ?? '');
  return (
    <Part title="What happened">
      <dl>
        <Fact term="Outcome">
          <StateBadge tone={OUTCOME_TONES[entry.outcome]}>{OUTCOME_NAMES[entry.outcome]}</StateBadge>
        </Fact>
        <Fact term="When">
          <span className="num">{instantText(entry.occurredAt)}</span>{' '}
          <span className="num text-xs text-muted">{entry.occurredAt}</span>
        </Fact>
        <Fact term="Actor">
          {entry.actorName && <span className="mr-2">{entry.actorName}</span>}
          <Chip>{entry.actorKind}</Chip>
        </Fact>
        <Fact term="Actor id" value={entry.actorId} />
        <Fact term="From">
          {entry.source ? (
            <>
              <Chip>{kind}</Chip> {network && <code className="mono">{network}</code>}
            </>
          ) : (
            <span className="text-muted">Of the server itself, or of nobody who called</span>
          )}
        </Fact>
        {entry.targets.map((target) => (
          <Fact key={target} term="Target" value={target} />
        ))}
        <Fact term="Request" value={entry.requestId} />
      </dl>
      <p className="flex flex-wrap gap-x-4">
        <button type="button" className="link" onClick={() => onFilter({ action: entry.action })}>
          All of this kind
        </button>
        <button type="button" className="link" onClick={() => onFilter({ actor: entry.actorId })}>
          All by this actor
        </button>
      </p>
    </Part>
  );
}
