import { AuditHeadDocument } from '../../graphql/generated/documents';
import { useTenantQuery } from '../../graphql/use-tenant';
import { Hash } from '../../ui/hash';
import { Icon } from '../../ui/icon';
import { RelTime } from '../../ui/rel-time';

/** The head of the chain: what to write down elsewhere, so that a cut tail is noticed. */
export function ChainStrip() {
  const { data } = useTenantQuery(AuditHeadDocument, {}, { staleTime: 5_000 });
  const head = data?.data.auditEntries?.nodes[0];
  return (
    <section
      aria-label="Chain head"
      className="mx-4 mb-3 flex min-h-10 flex-wrap items-center gap-x-6 gap-y-1 rounded-md border border-line bg-surface px-3 py-1.5 md:mx-6"
    >
      <span className="flex items-center gap-1.5 font-medium">
        <Icon name="link" />
        Chain head
      </span>
      {head ? (
        <>
          <span className="num">
            <span className="text-muted">Entry</span> {head.seq.toLocaleString('en')}
          </span>
          <span className="flex items-center gap-1.5">
            <span className="text-muted">SHA-256</span>
            <Hash value={head.hash} label="hash of the chain head" />
          </span>
          <span className="text-muted">
            <RelTime at={head.occurredAt} />
          </span>
        </>
      ) : (
        <span className="text-muted">{data ? 'No entries yet' : 'Loading…'}</span>
      )}
      <span className="ml-auto text-xs text-muted">
        Checked with <code className="mono text-text">countersign ledger verify</code>
      </span>
    </section>
  );
}
