import type { StatementRowFragment } from '../../graphql/generated/documents';
import { type Redactions, redactionAt } from '../../graphql/redactions';
import type { Decimal } from '../../graphql/scalars';
import { countText } from '../../lib/numbers';
import { daysText, dayText } from '../../lib/time';
import { Money } from '../../ui/money';
import { RedactedCell } from '../../ui/redacted-cell';
import { ScrollRegion } from '../../ui/scroll-region';
import { StateBadge } from '../../ui/state-badge';

export interface ShownStatement {
  readonly statement: StatementRowFragment & {
    readonly import?: { readonly fileName: string | null } | null;
  };
  readonly redactions: Redactions;
}

/** Statements with their balances. `path` is where in the answer they stand, for what policy hid. */
export function StatementTable({
  statements,
  path,
}: {
  statements: readonly ShownStatement[];
  path: string;
}) {
  return (
    <ScrollRegion label="Statements">
      <table className="ledger">
        <caption className="sr-only">Statements</caption>
        <thead>
          <tr>
            <th scope="col" className="md:pl-6">
              Account
            </th>
            <th scope="col" className="hidden sm:table-cell">
              Period
            </th>
            <th scope="col" className="hidden lg:table-cell">
              Reference
            </th>
            <th scope="col" className="hidden text-right sm:table-cell">
              Transactions
            </th>
            <th scope="col" className="hidden text-right md:table-cell">
              Opening
            </th>
            <th scope="col" className="text-right">
              Closing
            </th>
            <th scope="col" className="md:pr-6">
              Balance check
            </th>
          </tr>
        </thead>
        <tbody>
          {statements.map(({ statement, redactions }) => {
            const why = (field: string) => ({ action: `Statement.${field}`, node: statement.id });
            const balance = (label: string, field: 'opening' | 'closing', value: Decimal | null) => {
              const hidden = redactionAt(redactions, `${path}.${field}`, value);
              if (hidden) return <RedactedCell label={label} redaction={hidden} why={why(field)} />;
              return value === null ? '–' : <Money amount={value} currency={statement.currency} />;
            };
            const hiddenReference = redactionAt(redactions, `${path}.reference`, statement.reference);
            const { periodStart: from, periodEnd: to } = statement;
            const period = from && to ? daysText(from, to) : from ? dayText(from) : '–';
            return (
              <tr key={statement.id}>
                <td className="w-full max-w-0 min-w-32 py-1 md:pl-6">
                  <span className="block truncate" title={statement.account?.name}>
                    {statement.account?.name ?? '–'}
                  </span>
                  <span className="num block text-xs text-muted sm:hidden">{period}</span>
                  {statement.import?.fileName && (
                    <span
                      className="hidden truncate text-xs text-muted sm:block"
                      title={statement.import.fileName}
                    >
                      {statement.import.fileName}
                    </span>
                  )}
                </td>
                <td className="num hidden whitespace-nowrap text-muted sm:table-cell">{period}</td>
                <td
                  className="hidden max-w-48 truncate lg:table-cell"
                  title={statement.reference ?? undefined}
                >
                  {hiddenReference ? (
                    <RedactedCell label="Reference" redaction={hiddenReference} why={why('reference')} />
                  ) : (
                    (statement.reference ?? '–')
                  )}
                </td>
                <td className="num hidden text-right sm:table-cell">
                  {countText(statement.transactionCount)}
                </td>
                <td className="hidden text-right md:table-cell">
                  {balance('Opening', 'opening', statement.opening)}
                </td>
                <td className="text-right">{balance('Closing', 'closing', statement.closing)}</td>
                <td className="md:pr-6">
                  {statement.balanceCheck === 'BALANCED' ? (
                    <StateBadge tone="positive">Balanced</StateBadge>
                  ) : (
                    <StateBadge tone="plain">Not stated</StateBadge>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </ScrollRegion>
  );
}
