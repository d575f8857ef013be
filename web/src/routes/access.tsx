import { getRouteApi } from '@tanstack/react-router';
import { AccessBar } from '../features/access/access-bar';
import { ActionTable } from '../features/access/action-table';
import { Explanation } from '../features/access/explanation';
import { ordered } from '../features/access/names';
import { PolicySeal } from '../features/access/policy-seal';
import { WhoMay } from '../features/access/who-may';
import { lack } from '../graphql/absence';
import {
  AccessOfDocument,
  ExplainAccessDocument,
  ExplainAccessOfDocument,
  MemberNamesDocument,
  OwnAccessDocument,
} from '../graphql/generated/documents';
import { usePermissions } from '../graphql/use-permissions';
import { useTenantQuery } from '../graphql/use-tenant';
import { type AccessSearch, readAccessSearch } from '../lib/filters';
import { ErrorPanel, PageHeader, SkeletonRows } from '../ui/panels';

const route = getRouteApi('/t/$slug/access');

export function AccessPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { mayExplain } = usePermissions();
  const own = useTenantQuery(OwnAccessDocument, {}, { staleTime: 60_000 });
  const access = own.data?.data.viewer?.access;
  const actions = access && ordered(access);
  const change = (changes: { [K in keyof AccessSearch]: AccessSearch[K] | undefined }) =>
    void navigate({ search: (before) => readAccessSearch({ ...before, ...changes }) });
  return (
    <>
      <PageHeader title="Access" />
      <AccessBar search={search} actions={actions ?? []} onChange={change} />
      {search.action ? (
        <div className="grid gap-8 border-t border-line px-4 py-5 md:px-6 xl:grid-cols-2">
          <Why search={search} action={search.action} />
          <WhoMay action={search.action} />
        </div>
      ) : search.member ? (
        <Others member={search.member} onChoose={(action) => change({ action })} />
      ) : own.isError ? (
        <ErrorPanel error={own.error} what="Your access" onRetry={() => void own.refetch()} />
      ) : own.isPending ? (
        <SkeletonRows columns={['w-56', 'w-24', 'ml-auto w-24']} />
      ) : actions ? (
        <ActionTable actions={actions} onChoose={(action) => change({ action })} />
      ) : (
        <p className="border-t border-line px-4 py-16 text-center text-muted md:px-6">
          Your role does not learn which rules decide. An owner or admin of this tenant can say.
        </p>
      )}
      {mayExplain && <PolicySeal />}
    </>
  );
}

/** The name of a member who is asked about. */
function useName(member: string | undefined): string | null {
  const { mayExplainOthers } = usePermissions();
  const isEnabled = mayExplainOthers && member !== undefined;
  const { data } = useTenantQuery(MemberNamesDocument, {}, { isEnabled });
  if (member === undefined) return null;
  return data?.data.members?.nodes.find(({ id }) => id === member)?.name ?? 'This member';
}

function Why({ search, action }: { search: AccessSearch; action: string }) {
  const { member, node = null } = search;
  const who = useName(member);
  const own = useTenantQuery(
    ExplainAccessDocument,
    { action, nodeId: node },
    { isEnabled: member === undefined },
  );
  const others = useTenantQuery(
    ExplainAccessOfDocument,
    { action, nodeId: node, principalId: member ?? '' },
    { isEnabled: member !== undefined },
  );
  const isOwn = member === undefined;
  const missing = isOwn ? lack(own, 'explainAccess') : lack(others, 'explainAccessOf');
  if (missing) {
    const retry = isOwn ? own.refetch : others.refetch;
    return <ErrorPanel error={missing} what="The reason" onRetry={() => void retry()} />;
  }
  const told = isOwn ? own.data?.data.explainAccess : others.data?.data.explainAccessOf;
  if (!told) return <SkeletonRows columns={['w-64', 'w-32']} />;
  return <Explanation told={told} who={who} />;
}

function Others({ member, onChoose }: { member: string; onChoose: (action: string) => void }) {
  const query = useTenantQuery(AccessOfDocument, { principalId: member });
  const missing = lack(query, 'accessOf');
  if (missing) return <ErrorPanel error={missing} what="Their access" onRetry={() => void query.refetch()} />;
  const actions = query.data?.data.accessOf;
  if (!actions) return <SkeletonRows columns={['w-56', 'w-24', 'ml-auto w-24']} />;
  return <ActionTable actions={ordered(actions)} onChoose={onChoose} />;
}
