import type { TransactionRowFragment } from '../../graphql/generated/documents';
import { redactionAt } from '../../graphql/redactions';
import { refusalOn } from '../../graphql/use-permissions';
import type { Row } from '../../graphql/use-tenant';
import { dayText } from '../../lib/time';
import { Money } from '../../ui/money';
import { RedactedCell } from '../../ui/redacted-cell';
import { Chip } from '../../ui/state-badge';
import { CategorySelect } from './category-select';
import { DIRECTION_NAMES, MAGNITUDE_CHIPS, MAGNITUDE_NAMES } from './names';
import type { CategoryChoice } from './use-categorize';

export type TransactionRow = Row<TransactionRowFragment>;

const PATH = 'transactions.nodes.*';

/** The name by which a row is spoken of: what of it may be seen. */
export function rowName({ counterparty, description, bookedOn }: TransactionRowFragment): string {
  return counterparty ?? description ?? `Transaction of ${dayText(bookedOn)}`;
}

interface TableProps {
  readonly rows: readonly TransactionRow[];
  readonly openId: string | null;
  readonly categories: readonly CategoryChoice[];
  readonly createRefusal: string | null;
  readonly onOpen: (id: string) => void;
  readonly onCategorize: (id: string, from: CategoryChoice | null, to: CategoryChoice | null) => void;
  readonly onNewCategory: (id: string, from: CategoryChoice | null) => void;
}

export function TransactionTable({ rows, ...rest }: TableProps) {
  return (
    <div className="relative overflow-x-auto border-t border-line">
      <table className="ledger">
        <caption className="sr-only">Transactions, newest first</caption>
        <thead>
          <tr>
            <th scope="col" className="md:pl-6">
              Date
            </th>
            <th scope="col">Description</th>
            <th scope="col" className="hidden lg:table-cell">
              Account
            </th>
            <th scope="col" className="hidden sm:table-cell">
              Category
            </th>
            <th scope="col" className="hidden sm:table-cell">
              Size
            </th>
            <th scope="col" className="text-right md:pr-6">
              Amount
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <TableRow key={row.node.id} row={row} {...rest} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TableRow({
  row: { node, redactions },
  openId,
  categories,
  createRefusal,
  onOpen,
  onCategorize,
  onNewCategory,
}: Omit<TableProps, 'rows'> & { row: TransactionRow }) {
  const name = rowName(node);
  const hidden = (field: string, value: unknown) => redactionAt(redactions, `${PATH}.${field}`, value);
  const hiddenAmount = hidden('amount', node.amount);
  const hiddenParty = hidden('counterparty', node.counterparty);
  const hiddenText = hidden('description', node.description);
  const hiddenSize = hidden('magnitude', node.magnitude);
  const why = (field: string) => ({ action: `Transaction.${field}`, node: node.id });
  const isBare = node.counterparty === null && node.description === null;
  return (
    <tr data-current={openId === node.id || undefined}>
      <td className="num whitespace-nowrap text-muted md:pl-6">{dayText(node.bookedOn)}</td>
      <td className="w-full max-w-0 min-w-36">
        <span className="flex items-center gap-2">
          <button
            type="button"
            data-row
            className={`min-w-0 truncate rounded text-left hover:underline ${isBare ? 'text-muted sm:shrink-0' : ''}`}
            onClick={() => onOpen(node.id)}
          >
            <span className="sr-only">Open </span>
            {isBare ? 'Transaction' : (node.counterparty ?? node.description)}
            {node.counterparty && node.description && (
              <span className="text-muted"> · {node.description}</span>
            )}
          </button>
          {(hiddenParty ?? hiddenText) && (
            <RedactedCell
              label={hiddenParty ? 'Counterparty' : 'Description'}
              redaction={hiddenParty ?? hiddenText ?? { rule: null, count: 1 }}
              why={why(hiddenParty ? 'counterparty' : 'description')}
            />
          )}
        </span>
      </td>
      <td className="hidden whitespace-nowrap text-muted lg:table-cell">{node.account?.name ?? '–'}</td>
      <td className="hidden sm:table-cell">
        <CategorySelect
          label={`Category of ${name}`}
          value={node.category}
          categories={categories}
          refusal={refusalOn(node.categorize)}
          createRefusal={createRefusal}
          onChoose={(to) => onCategorize(node.id, node.category, to)}
          onNew={() => onNewCategory(node.id, node.category)}
        />
      </td>
      <td className="hidden sm:table-cell">
        {hiddenSize && <RedactedCell label="Size" redaction={hiddenSize} why={why('magnitude')} />}
        {node.magnitude && (
          <span title={`${DIRECTION_NAMES[node.direction]}, ${MAGNITUDE_NAMES[node.magnitude]}`}>
            <Chip>
              <span className="sr-only">
                {DIRECTION_NAMES[node.direction]}, {MAGNITUDE_NAMES[node.magnitude]}
              </span>
              <span aria-hidden="true">
                {node.direction === 'IN' ? '+' : '−'} {MAGNITUDE_CHIPS[node.magnitude]}
              </span>
            </Chip>
          </span>
        )}
      </td>
      <td className="text-right md:pr-6">
        {hiddenAmount ? (
          <RedactedCell label="Amount" redaction={hiddenAmount} why={why('amount')} />
        ) : node.amount === null ? (
          '–'
        ) : (
          <Money amount={node.amount} currency={node.currency} isFlow />
        )}
      </td>
    </tr>
  );
}
