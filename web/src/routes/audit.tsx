import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { AuditFilterBar } from '../features/audit/audit-filter-bar';
import { AuditTable } from '../features/audit/audit-table';
import { ChainStrip } from '../features/audit/chain-strip';
import { LiveButton } from '../features/audit/live-button';
import { useLiveEntries } from '../features/audit/use-live-entries';
import { AuditEntriesDocument } from '../graphql/generated/documents';
import { useTenantList } from '../graphql/use-tenant';
import { type AuditSearch, auditFilter, isFiltered, readAuditSearch } from '../lib/filters';
import { Empty, ErrorPanel, LoadMore, PageHeader, SkeletonRows } from '../ui/panels';

const route = getRouteApi('/t/$slug/audit');

export function AuditPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { query, rows } = useTenantList(AuditEntriesDocument, 'auditEntries', {
    filter: auditFilter(search),
  });
  const change = useCallback(
    (changes: { [K in keyof AuditSearch]: AuditSearch[K] | undefined }) =>
      void navigate({ search: (before) => readAuditSearch({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const clear = () => void navigate({ search: {} });
  const [isLive, setLive] = useState(true);
  const filter = useMemo(() => auditFilter(search), [search]);
  // Before the list is there, nothing can be newer than it.
  const isOn = isLive && query.isSuccess && !query.isPlaceholderData;
  const listed = useMemo(() => rows.map((row) => row.node), [rows]);
  const live = useLiveEntries(filter, listed, isOn);
  return (
    <>
      <PageHeader title="Audit log">
        {isFiltered(search) && (
          <button type="button" className="button" onClick={clear}>
            Clear filters
          </button>
        )}
        <LiveButton state={live.state} isOn={isLive} onChange={setLive} />
        <button
          type="button"
          className="button"
          onClick={() => {
            live.clear();
            void query.refetch();
          }}
          aria-busy={query.isFetching}
        >
          Refresh
        </button>
      </PageHeader>
      {query.isError ? (
        <ErrorPanel error={query.error} what="Audit log" onRetry={() => void query.refetch()} />
      ) : (
        <>
          <ChainStrip />
          <AuditFilterBar search={search} onChange={change} />
          {query.isPending ? (
            <SkeletonRows columns={['w-16', 'w-28', 'w-32', 'w-56', 'w-20']} />
          ) : live.entries.length === 0 ? (
            <Empty icon="search" title="No entry matches these filters">
              <button type="button" className="button" onClick={clear}>
                Clear filters
              </button>
            </Empty>
          ) : (
            <div className={query.isPlaceholderData ? 'opacity-60' : ''} aria-busy={query.isPlaceholderData}>
              <AuditTable entries={live.entries} />
              <LoadMore query={query} saysEnd />
            </div>
          )}
        </>
      )}
    </>
  );
}
