import { getRouteApi, Link } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { FilterBar } from '../features/transactions/filter-bar';
import { NewCategoryDialog } from '../features/transactions/new-category-dialog';
import { TransactionSheet } from '../features/transactions/transaction-sheet';
import { TransactionTable } from '../features/transactions/transaction-table';
import { type CategoryChoice, useCategorize } from '../features/transactions/use-categorize';
import { absence } from '../graphql/absence';
import { CategoriesDocument, TransactionsDocument } from '../graphql/generated/documents';
import { usePermissions } from '../graphql/use-permissions';
import { useTenantList, useTenantQuery } from '../graphql/use-tenant';
import { isFiltered, readTransactionSearch, type TransactionSearch, transactionFilter } from '../lib/filters';
import { countText } from '../lib/numbers';
import { useTenant } from '../lib/tenant';
import { Empty, ErrorPanel, LoadMore, PageHeader, SkeletonRows } from '../ui/panels';
import { OPENED, useSheetClose } from './use-sheet';

const route = getRouteApi('/t/$slug/transactions');

export function TransactionsPage() {
  const tenant = useTenant();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { refusal } = usePermissions();
  const { query, rows, total } = useTenantList(TransactionsDocument, 'transactions', {
    filter: transactionFilter(search),
  });
  const missing = absence(query);
  const categories = useTenantQuery(CategoriesDocument, {}, { staleTime: 60_000 });
  const categorize = useCategorize();
  const [newFor, setNewFor] = useState<{ id: string; from: CategoryChoice | null } | null>(null);

  const change = useCallback(
    (changes: { [K in keyof TransactionSearch]: TransactionSearch[K] | undefined }) =>
      void navigate({
        search: (before) => readTransactionSearch({ ...before, ...changes }),
        replace: true,
      }),
    [navigate],
  );
  const open = (id: string) =>
    void navigate({ search: (before) => ({ ...before, open: id }), state: OPENED });
  const close = useSheetClose(() => change({ open: undefined }));
  const clear = () => void navigate({ search: {} });
  const isFilteredList = isFiltered(search);
  const isAllSorted =
    search.uncategorized === true &&
    Object.keys(search).every((key) => ['uncategorized', 'open'].includes(key));

  const shared = {
    categories: categories.data?.data.categories?.nodes ?? [],
    createRefusal: refusal('createCategory'),
    onCategorize: categorize,
    onNewCategory: (id: string, from: CategoryChoice | null) => setNewFor({ id, from }),
  };

  return (
    <>
      <PageHeader
        title="Transactions"
        note={total === null ? undefined : `${countText(total)} ${isFilteredList ? 'match' : 'in all'}`}
      >
        {isFilteredList && (
          <button type="button" className="button" onClick={clear}>
            Clear filters
          </button>
        )}
      </PageHeader>
      <FilterBar search={search} onChange={change} />
      {missing ? (
        <ErrorPanel
          error={missing}
          what={search.text ? 'Searching in text' : 'Transactions'}
          onRetry={() => void query.refetch()}
        />
      ) : query.isPending ? (
        <SkeletonRows columns={['w-20', 'w-64', 'w-32', 'w-24', 'ml-auto w-24']} />
      ) : rows.length === 0 ? (
        isAllSorted ? (
          <Empty icon="check" title="Every transaction has a category">
            <button type="button" className="button" onClick={clear}>
              Show all transactions
            </button>
          </Empty>
        ) : isFilteredList ? (
          <Empty icon="search" title="No transaction matches these filters">
            <button type="button" className="button" onClick={clear}>
              Clear filters
            </button>
          </Empty>
        ) : (
          <Empty icon="ledger" title="No transactions yet">
            <p>Import a bank statement, and what it says stands here.</p>
            <Link to="/t/$slug/import" params={{ slug: tenant.slug }} className="button">
              Import a statement
            </Link>
          </Empty>
        )
      ) : (
        <div className={query.isPlaceholderData ? 'opacity-60' : ''} aria-busy={query.isPlaceholderData}>
          <TransactionTable rows={rows} openId={search.open ?? null} onOpen={open} {...shared} />
          <LoadMore query={query} saysEnd />
        </div>
      )}
      {search.open && <TransactionSheet id={search.open} onClose={close} {...shared} />}
      {newFor && (
        <NewCategoryDialog
          onClose={() => setNewFor(null)}
          onCreated={(category) => {
            categorize(newFor.id, newFor.from, category);
            setNewFor(null);
          }}
        />
      )}
    </>
  );
}
