import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { AuditFilterBar } from '../features/audit/audit-filter-bar';
import { AuditTable } from '../features/audit/audit-table';
import { ChainStrip } from '../features/audit/chain-strip';
import { CheckpointsSheet } from '../features/audit/checkpoints-sheet';
import { EntrySheet } from '../features/audit/entry-sheet';
import { ExportButton } from '../features/audit/export-button';
import { LiveButton } from '../features/audit/live-button';
import { rowStates } from '../features/audit/segments';
import { actorsOf, kindsOf } from '../features/audit/suggestions';
import { useLiveEntries } from '../features/audit/use-live-entries';
import { useVerification } from '../features/audit/use-verification';
import { absence } from '../graphql/absence';
import { AuditEntriesDocument } from '../graphql/generated/documents';
import { useTenantList } from '../graphql/use-tenant';
import { type AuditSearch, auditFilter, isFiltered, readAuditSearch } from '../lib/filters';
import { Empty, ErrorPanel, LoadMore, PageHeader, SkeletonRows } from '../ui/panels';
import { OPENED, useSheetClose } from './use-sheet';

const route = getRouteApi('/t/$slug/audit');

export function AuditPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  // An open entry is no other list.
  const key = JSON.stringify(auditFilter(search));
  const filter = useMemo(() => JSON.parse(key) as ReturnType<typeof auditFilter>, [key]);
  const { query, rows } = useTenantList(AuditEntriesDocument, 'auditEntries', { filter });
  const missing = absence(query);
  // Each choice is a place to come back to.
  const change = useCallback(
    (changes: { [K in keyof AuditSearch]: AuditSearch[K] | undefined }) =>
      void navigate({ search: (before) => readAuditSearch({ ...before, ...changes }) }),
    [navigate],
  );
  const clear = () => void navigate({ search: {} });
  const open = useCallback(
    (seq: number) => void navigate({ search: (before) => ({ ...before, open: seq }), state: OPENED }),
    [navigate],
  );
  const close = useSheetClose(
    () =>
      void navigate({ search: (before) => readAuditSearch({ ...before, open: undefined }), replace: true }),
  );
  const [isLive, setLive] = useState(true);
  const [isAtCheckpoints, setAtCheckpoints] = useState(false);
  // Before the list is there, nothing can be newer than it.
  const isOn = isLive && !missing && query.data !== undefined && !query.isPlaceholderData;
  const listed = useMemo(() => rows.map((row) => row.node), [rows]);
  const live = useLiveEntries(filter, listed, isOn);
  const { state, verify } = useVerification();
  const states = useMemo(() => (state.status === 'DONE' ? rowStates(state) : null), [state]);
  const [newest, oldest] = [live.entries[0]?.seq, live.entries.at(-1)?.seq];
  return (
    <>
      <PageHeader title="Audit log">
        {isFiltered(search) && (
          <button type="button" className="button" onClick={clear}>
            Clear filters
          </button>
        )}
        <ExportButton search={search} />
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
      {missing ? (
        <ErrorPanel error={missing} what="Audit log" onRetry={() => void query.refetch()} />
      ) : (
        <>
          <ChainStrip
            shown={newest && oldest ? { from: oldest, to: newest } : null}
            newest={live.entries[0]}
            state={state}
            onVerify={(range) => void verify(range)}
            onOpen={open}
          >
            <button type="button" className="button" onClick={() => setAtCheckpoints(true)}>
              Checkpoints
            </button>
          </ChainStrip>
          <AuditFilterBar
            search={search}
            kinds={kindsOf(live.entries)}
            actors={actorsOf(live.entries)}
            onChange={change}
          />
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
              <AuditTable
                entries={live.entries}
                openSeq={search.open ?? null}
                states={states}
                onOpen={open}
              />
              <LoadMore query={query} saysEnd />
            </div>
          )}
          {search.open && (
            <EntrySheet
              seq={search.open}
              onClose={close}
              onFilter={(only) => void navigate({ search: only })}
            />
          )}
          {isAtCheckpoints && <CheckpointsSheet onClose={() => setAtCheckpoints(false)} />}
        </>
      )}
    </>
  );
}
