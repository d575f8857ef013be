import type { ReactNode } from 'react';
import { TransactionDetailDocument, type TransactionDetailQuery } from '../../graphql/generated/documents';
import { redactionAt } from '../../graphql/redactions';
import { refusalOn } from '../../graphql/use-permissions';
import { useTenantQuery } from '../../graphql/use-tenant';
import { dayText } from '../../lib/time';
import { CopyButton } from '../../ui/copy-button';
import { Dialog } from '../../ui/dialog';
import { Money } from '../../ui/money';
import { ErrorPanel, SkeletonRows } from '../../ui/panels';
import { RedactedCell } from '../../ui/redacted-cell';
import { CategorySelect } from './category-select';
import { DIRECTION_NAMES, MAGNITUDE_NAMES } from './names';
import { rowName } from './transaction-table';
import type { CategoryChoice } from './use-categorize';

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div className="grid min-h-9 grid-cols-[120px_minmax(0,1fr)] items-center border-b border-line py-1">
      <dt className="text-muted">{term}</dt>
      <dd className="break-words">{children}</dd>
    </div>
  );
}

type Found = NonNullable<TransactionDetailQuery['node']>;

/** An id may name another kind of thing, of which this operation asks nothing. */
function isTransaction(found: Found | null | undefined): found is Extract<Found, { bookedOn: unknown }> {
  return found !== null && found !== undefined && 'bookedOn' in found;
}

/** One transaction in full, beside the list. */
export function TransactionSheet({
  id,
  categories,
  createRefusal,
  onClose,
  onCategorize,
  onNewCategory,
}: {
  id: string;
  categories: readonly CategoryChoice[];
  createRefusal: string | null;
  onClose: () => void;
  onCategorize: (id: string, from: CategoryChoice | null, to: CategoryChoice | null) => void;
  onNewCategory: (id: string, from: CategoryChoice | null) => void;
}) {
  const { data, error, isPending, refetch } = useTenantQuery(TransactionDetailDocument, { id });
  const found = data?.data.node;
  const node = isTransaction(found) ? found : null;
  const redactions = data?.redactions ?? new Map();

  const why = (field: string) => ({ action: `Transaction.${field}`, node: id });

  function text(term: string, field: 'counterparty' | 'description' | 'reference') {
    const value = node?.[field] ?? null;
    const hidden = redactionAt(redactions, `node.${field}`, value);
    return (
      <Fact term={term}>
        {hidden ? <RedactedCell label={term} redaction={hidden} why={why(field)} /> : (value ?? '–')}
      </Fact>
    );
  }

  const hiddenAmount = node && redactionAt(redactions, 'node.amount', node.amount);
  return (
    <Dialog isOpen onClose={onClose} isSheet title={node ? rowName(node) : 'Transaction'}>
      {error ? (
        <ErrorPanel error={error} what="This transaction" onRetry={() => void refetch()} />
      ) : isPending ? (
        <SkeletonRows columns={['w-20', 'w-40']} />
      ) : !node ? (
        <p className="text-muted">There is no transaction of this id in this tenant.</p>
      ) : (
        <>
          <p className="mb-4 text-xl font-semibold">
            {hiddenAmount ? (
              <RedactedCell label="Amount" redaction={hiddenAmount} why={why('amount')} />
            ) : (
              node.amount && <Money amount={node.amount} currency={node.currency} isFlow />
            )}
          </p>
          <dl>
            <Fact term="Booked">
              <span className="num">{dayText(node.bookedOn)}</span>
            </Fact>
            <Fact term="Value date">
              <span className="num">{node.valueOn ? dayText(node.valueOn) : '–'}</span>
            </Fact>
            <Fact term="Direction">{DIRECTION_NAMES[node.direction]}</Fact>
            <Fact term="Size">{node.magnitude ? MAGNITUDE_NAMES[node.magnitude] : '–'}</Fact>
            <Fact term="Account">{node.account?.name ?? '–'}</Fact>
            <Fact term="Category">
              <CategorySelect
                label="Category"
                value={node.category}
                categories={categories}
                refusal={refusalOn(node.categorize)}
                createRefusal={createRefusal}
                onChoose={(to) => onCategorize(node.id, node.category, to)}
                onNew={() => onNewCategory(node.id, node.category)}
              />
            </Fact>
            {text('Counterparty', 'counterparty')}
            {text('Description', 'description')}
            {text('Reference', 'reference')}
            <Fact term="Statement">
              {node.statement
                ? (node.statement.reference ??
                  (node.statement.periodEnd ? `To ${dayText(node.statement.periodEnd)}` : 'Imported'))
                : '–'}
            </Fact>
            <Fact term="Id">
              <span className="flex items-center gap-1">
                <code className="mono truncate">{node.id}</code>
                <CopyButton text={node.id} label="Copy id" />
              </span>
            </Fact>
          </dl>
        </>
      )}
    </Dialog>
  );
}
