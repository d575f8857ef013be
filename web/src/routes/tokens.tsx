import { useState } from 'react';
import { CreateTokenDialog } from '../features/tokens/create-token-dialog';
import { RevokeTokenDialog } from '../features/tokens/revoke-token-dialog';
import { ShownOnceDialog } from '../features/tokens/shown-once-dialog';
import { absence } from '../graphql/absence';
import { ApiTokensDocument, type TokenRowFragment } from '../graphql/generated/documents';
import { refusalOn, usePermissions } from '../graphql/use-permissions';
import { useTenantList } from '../graphql/use-tenant';
import { ActionButton } from '../ui/action-button';
import { Empty, ErrorPanel, LoadMore, PageHeader, SkeletonRows } from '../ui/panels';
import { RelTime } from '../ui/rel-time';
import { Chip, StateBadge } from '../ui/state-badge';

const SOON_MS = 14 * 86_400_000;

function TokenState({ token }: { token: TokenRowFragment }) {
  const left = new Date(token.expiresAt).getTime() - Date.now();
  if (token.revokedAt) return <StateBadge tone="plain">Revoked</StateBadge>;
  if (left <= 0) return <StateBadge tone="danger">Expired</StateBadge>;
  if (left < SOON_MS) return <StateBadge tone="warning">Expires soon</StateBadge>;
  return <StateBadge tone="positive">Active</StateBadge>;
}

/** Who made it; of somebody who left, what the audit log calls them. */
function Maker({ token }: { token: TokenRowFragment }) {
  if (token.createdBy) {
    return token.createdBy.name && <span className="whitespace-nowrap"> by {token.createdBy.name}</span>;
  }
  if (!token.makerId) return null;
  return (
    <span className="whitespace-nowrap" title={token.makerId}>
      {' '}
      by a former member
    </span>
  );
}

export function TokensPage() {
  const { refusal } = usePermissions();
  const { query, rows } = useTenantList(ApiTokensDocument, 'apiTokens', {});
  const missing = absence(query);
  const [isCreating, setCreating] = useState(false);
  const [created, setCreated] = useState<{ name: string; plainToken: string } | null>(null);
  const [revoking, setRevoking] = useState<{ id: string; name: string } | null>(null);
  return (
    <>
      <PageHeader title="API tokens">
        <ActionButton kind="primary" refusal={refusal('createApiToken')} onClick={() => setCreating(true)}>
          Create token
        </ActionButton>
      </PageHeader>
      {missing ? (
        <ErrorPanel error={missing} what="API tokens" onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <SkeletonRows columns={['w-40', 'w-24', 'w-64', 'ml-auto w-20']} rows={4} />
      ) : rows.length === 0 ? (
        <Empty icon="key" title="No API tokens yet">
          <p>A token lets a program of yours ask for what its scopes cover.</p>
        </Empty>
      ) : (
        <>
          <div className="relative overflow-x-auto border-t border-line">
            <table className="ledger">
              <caption className="sr-only">API tokens</caption>
              <thead>
                <tr>
                  <th scope="col" className="md:pl-6">
                    Name
                  </th>
                  <th scope="col">Token</th>
                  <th scope="col">State</th>
                  <th scope="col" className="hidden lg:table-cell">
                    Scopes
                  </th>
                  <th scope="col" className="hidden md:table-cell">
                    Created
                  </th>
                  <th scope="col" className="hidden md:table-cell">
                    Last used
                  </th>
                  <th scope="col" className="hidden sm:table-cell">
                    Expires
                  </th>
                  <th scope="col" className="md:pr-6">
                    <span className="sr-only">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map(({ node }) => (
                  <tr key={node.id}>
                    <td className="font-medium max-sm:w-full max-sm:max-w-0 max-sm:min-w-20 md:pl-6">
                      <span className="block truncate" title={node.name}>
                        {node.name}
                      </span>
                    </td>
                    <td className="mono whitespace-nowrap">cst_…{node.lastFour}</td>
                    <td>
                      <TokenState token={node} />
                    </td>
                    <td className="hidden lg:table-cell">
                      <span className="flex flex-wrap gap-1 py-1">
                        {node.documentsOnly && <Chip>documents only</Chip>}
                        {node.scopes.map((scope) => (
                          <Chip key={scope} isMono>
                            {scope}
                          </Chip>
                        ))}
                      </span>
                    </td>
                    <td className="hidden text-muted md:table-cell">
                      <RelTime at={node.createdAt} />
                      <Maker token={node} />
                    </td>
                    <td className="hidden text-muted md:table-cell">
                      {node.lastUsedAt ? <RelTime at={node.lastUsedAt} /> : 'never'}
                    </td>
                    <td className="hidden text-muted sm:table-cell">
                      <RelTime at={node.expiresAt} />
                    </td>
                    <td className="text-right md:pr-6">
                      {!node.revokedAt && (
                        <ActionButton
                          data-row
                          kind="quiet"
                          className="button h-7"
                          refusal={refusalOn(node.revoke)}
                          aria-label={`Revoke ${node.name}`}
                          onClick={() => setRevoking({ id: node.id, name: node.name })}
                        >
                          Revoke
                        </ActionButton>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <LoadMore query={query} />
        </>
      )}
      {isCreating && (
        <CreateTokenDialog
          onClose={() => setCreating(false)}
          onCreated={(token) => {
            setCreating(false);
            setCreated(token);
          }}
        />
      )}
      {created && <ShownOnceDialog {...created} onClose={() => setCreated(null)} />}
      {revoking && <RevokeTokenDialog token={revoking} onClose={() => setRevoking(null)} />}
    </>
  );
}
