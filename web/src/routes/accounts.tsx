import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { CreateAccountDialog } from '../features/accounts/create-account-dialog';
import { absence } from '../graphql/absence';
import { AccountsDocument } from '../graphql/generated/documents';
import { redactionAt } from '../graphql/redactions';
import { usePermissions } from '../graphql/use-permissions';
import { useTenantList } from '../graphql/use-tenant';
import { useTenant } from '../lib/tenant';
import { dayText } from '../lib/time';
import { ActionButton } from '../ui/action-button';
import { Money } from '../ui/money';
import { Empty, ErrorPanel, LoadMore, PageHeader, SkeletonRows } from '../ui/panels';
import { RedactedCell } from '../ui/redacted-cell';
import { Chip } from '../ui/state-badge';

const PATH = 'accounts.nodes.*';

export function AccountsPage() {
  const tenant = useTenant();
  const { refusal } = usePermissions();
  const { query, rows } = useTenantList(AccountsDocument, 'accounts', {});
  const missing = absence(query);
  const [isCreating, setCreating] = useState(false);
  const create = (
    <ActionButton kind="primary" refusal={refusal('createAccount')} onClick={() => setCreating(true)}>
      Create account
    </ActionButton>
  );
  return (
    <>
      <PageHeader title="Accounts">{create}</PageHeader>
      {missing ? (
        <ErrorPanel error={missing} what="Accounts" onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <SkeletonRows columns={['w-40', 'w-48', 'w-24', 'ml-auto w-28']} rows={4} />
      ) : rows.length === 0 ? (
        <Empty icon="wallet" title="No accounts yet">
          <p>An account holds the statements of one bank account.</p>
        </Empty>
      ) : (
        <>
          <div className="relative overflow-x-auto border-t border-line">
            <table className="ledger">
              <caption className="sr-only">Accounts</caption>
              <thead>
                <tr>
                  <th scope="col" className="md:pl-6">
                    Name
                  </th>
                  <th scope="col" className="hidden md:table-cell">
                    Number
                  </th>
                  <th scope="col" className="hidden sm:table-cell">
                    Custodian
                  </th>
                  <th scope="col" className="hidden sm:table-cell">
                    As of
                  </th>
                  <th scope="col" className="text-right md:pr-6">
                    Balance
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map(({ node, redactions }) => {
                  const why = (field: string) => ({ action: `Account.${field}`, node: node.id });
                  const hiddenNumber = redactionAt(redactions, `${PATH}.number`, node.number);
                  const hiddenBalance = redactionAt(redactions, `${PATH}.balance`, node.balance);
                  const hiddenDay = redactionAt(redactions, `${PATH}.balanceOn`, node.balanceOn);
                  return (
                    <tr key={node.id}>
                      <td className="md:pl-6">
                        <span className="flex items-center gap-2">
                          <Link
                            data-row
                            to="/t/$slug/transactions"
                            params={{ slug: tenant.slug }}
                            search={{ account: node.id }}
                            className="font-medium hover:underline"
                          >
                            {node.name}
                          </Link>
                          {node.personal && <Chip>personal</Chip>}
                        </span>
                      </td>
                      <td className="hidden md:table-cell">
                        {hiddenNumber ? (
                          <RedactedCell label="Number" redaction={hiddenNumber} why={why('number')} />
                        ) : (
                          <span className="mono whitespace-nowrap">{groupNumber(node.number)}</span>
                        )}
                      </td>
                      <td className="hidden whitespace-nowrap sm:table-cell">
                        {node.custodian ? (node.custodian.name ?? 'A member') : '–'}
                      </td>
                      <td className="num hidden whitespace-nowrap text-muted sm:table-cell">
                        {node.balanceOn ? dayText(node.balanceOn) : hiddenDay ? 'hidden' : '–'}
                      </td>
                      <td className="text-right md:pr-6">
                        {hiddenBalance ? (
                          <RedactedCell label="Balance" redaction={hiddenBalance} why={why('balance')} />
                        ) : node.balance === null ? (
                          <span className="text-muted">No statement yet</span>
                        ) : (
                          <Money amount={node.balance} currency={node.currency} />
                        )}
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
          <LoadMore query={query} />
        </>
      )}
      {isCreating && <CreateAccountDialog onClose={() => setCreating(false)} />}
    </>
  );
}

/** An IBAN in groups of four, as it is printed; other numbers as they are. */
function groupNumber(number: string | null): string {
  if (number === null) return '–';
  return /^[A-Z]{2}\d{2}/.test(number) ? number.replaceAll(/(.{4})(?=.)/g, '$1 ') : number;
}
