import { useEffect } from 'react';
import { AccountNamesDocument, CategoriesDocument } from '../../graphql/generated/documents';
import { useTenantQuery } from '../../graphql/use-tenant';
import { TEXT_MAX, type TransactionSearch } from '../../lib/filters';
import { Choice } from '../../ui/choice';
import { DateRange } from '../../ui/date-range';
import { Lacking } from '../../ui/panels';
import { useDraft } from '../../ui/use-draft';
import { DIRECTION_NAMES, MAGNITUDE_NAMES } from './names';

const WAIT_MS = 300;

/** The filters of the list. Each change goes to the address at once; the text waits for a pause in typing. */
export function FilterBar({
  search,
  onChange,
}: {
  search: TransactionSearch;
  onChange: (change: { [K in keyof TransactionSearch]: TransactionSearch[K] | undefined }) => void;
}) {
  const accounts = useTenantQuery(AccountNamesDocument, {}, { staleTime: 60_000 });
  const categories = useTenantQuery(CategoriesDocument, {}, { staleTime: 60_000 });
  const { draft, setDraft, told, setTold } = useDraft(search.text ?? '');
  const text = draft.trim() === '' ? '' : draft;
  useEffect(() => {
    if (text === told) return;
    const timer = setTimeout(() => {
      setTold(text);
      onChange({ text: text || undefined });
    }, WAIT_MS);
    return () => clearTimeout(timer);
  }, [text, told, setTold, onChange]);

  return (
    <search aria-label="Filters" className="flex flex-wrap gap-2 px-4 pb-3 md:px-6">
      <input
        data-filter
        type="search"
        className="field max-w-64 min-w-40 flex-1"
        aria-label="Text"
        placeholder="Text or counterparty"
        maxLength={TEXT_MAX}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
      />
      <select
        className="field w-auto max-w-44"
        aria-label="Account"
        value={search.account ?? ''}
        onChange={(event) => onChange({ account: event.target.value || undefined })}
      >
        <option value="">All accounts</option>
        {(accounts.data?.data.accounts?.nodes ?? []).map((account) => (
          <option key={account.id} value={account.id}>
            {account.name}
          </option>
        ))}
      </select>
      <select
        className="field w-auto max-w-44"
        aria-label="Category"
        value={search.uncategorized ? 'none' : (search.category ?? '')}
        onChange={(event) => {
          const value = event.target.value;
          onChange({
            uncategorized: value === 'none' ? true : undefined,
            category: value === 'none' || value === '' ? undefined : value,
          });
        }}
      >
        <option value="">All categories</option>
        <option value="none">Uncategorized</option>
        {(categories.data?.data.categories?.nodes ?? []).map((category) => (
          <option key={category.id} value={category.id}>
            {category.name}
          </option>
        ))}
      </select>
      <Choice
        label="Direction"
        any="In and out"
        value={search.direction}
        names={DIRECTION_NAMES}
        onChange={(direction) => onChange({ direction })}
      />
      <Choice
        label="Magnitude"
        any="Any size"
        value={search.magnitude}
        names={MAGNITUDE_NAMES}
        onChange={(magnitude) => onChange({ magnitude })}
      />
      <DateRange from={search.from} to={search.to} onChange={onChange} />
      <div className="flex w-full flex-col gap-1 empty:hidden">
        <Lacking query={accounts} field="accounts" what="Accounts" />
        <Lacking query={categories} field="categories" what="Categories" />
      </div>
    </search>
  );
}
