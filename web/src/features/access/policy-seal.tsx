import { PolicySetDocument } from '../../graphql/generated/documents';
import { useTenantQuery } from '../../graphql/use-tenant';
import { countText } from '../../lib/numbers';
import { RelTime } from '../../ui/rel-time';

/** Which policies decide here, and what was proved of them. */
export function PolicySeal() {
  const { data } = useTenantQuery(PolicySetDocument, {}, { staleTime: 600_000 });
  const set = data?.data.policySet;
  if (!set?.version) return null;
  const proof = set.certificate;
  return (
    <p className="border-t border-line px-4 py-3 text-sm text-muted md:px-6">
      Policies{' '}
      <code className="num" title={set.version}>
        {set.version.slice(0, 12)}
      </code>
      {proof?.provedAt ? (
        <>
          , proved <RelTime at={proof.provedAt} />: {countText(proof.claimCount ?? 0)} claims about{' '}
          {countText(proof.environmentCount ?? 0)} kinds of request, for every person, machine and row, by{' '}
          {proof.solvers?.join(' and ')}.
        </>
      ) : (
        ': nothing was proved of these.'
      )}
    </p>
  );
}
