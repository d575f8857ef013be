import { useState } from 'react';
import { OUTCOME_NAMES, PROVIDER_NAMES } from '../features/credentials/names';
import { RevokeCredentialDialog } from '../features/credentials/revoke-credential-dialog';
import { StoreCredentialDialog } from '../features/credentials/store-credential-dialog';
import { absence } from '../graphql/absence';
import {
  CheckCredentialDocument,
  type CredentialRowFragment,
  CredentialsDocument,
} from '../graphql/generated/documents';
import { refusalOn, usePermissions } from '../graphql/use-permissions';
import { useTenantList, useTenantMutation } from '../graphql/use-tenant';
import { ActionButton } from '../ui/action-button';
import { Complaints } from '../ui/confirm-dialog';
import { Empty, ErrorPanel, LoadMore, PageHeader, SkeletonRows } from '../ui/panels';
import { RelTime } from '../ui/rel-time';
import { StateBadge } from '../ui/state-badge';

function CredentialStateBadge({ credential }: { credential: CredentialRowFragment }) {
  if (credential.state === 'REVOKED') return <StateBadge tone="plain">Revoked, erased</StateBadge>;
  if (credential.state === 'DESTROYED') {
    return <StateBadge tone="danger">Unreadable: the key was destroyed</StateBadge>;
  }
  return <StateBadge tone="positive">In the vault</StateBadge>;
}

function LastCheck({ credential }: { credential: CredentialRowFragment }) {
  if (!credential.checkedAt || !credential.checkOutcome) return <>never</>;
  return (
    <>
      {OUTCOME_NAMES[credential.checkOutcome]}, <RelTime at={credential.checkedAt} />
    </>
  );
}

function CheckButton({ credential }: { credential: CredentialRowFragment }) {
  const check = useTenantMutation(CheckCredentialDocument, ['Credentials']);
  const complaints = check.data?.data.checkCredential?.userErrors ?? [];
  return (
    <>
      <Complaints of={check.error ? [check.error] : complaints} />
      <ActionButton
        data-row
        kind="quiet"
        className="button h-7"
        isBusy={check.isPending}
        refusal={refusalOn(credential.check)}
        aria-label={`Check ${credential.name}`}
        onClick={() => check.mutate({ input: { credentialId: credential.id } })}
      >
        Check
      </ActionButton>
    </>
  );
}

export function CredentialsPage() {
  const { refusal } = usePermissions();
  const { query, rows } = useTenantList(CredentialsDocument, 'credentials', {});
  const missing = absence(query);
  const [isStoring, setStoring] = useState(false);
  const [revoking, setRevoking] = useState<{ id: string; name: string } | null>(null);
  return (
    <>
      <PageHeader title="Credentials">
        <ActionButton kind="primary" refusal={refusal('storeCredential')} onClick={() => setStoring(true)}>
          Store credential
        </ActionButton>
      </PageHeader>
      {missing ? (
        <ErrorPanel error={missing} what="Credentials" onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <SkeletonRows columns={['w-40', 'w-24', 'w-64', 'ml-auto w-20']} rows={4} />
      ) : rows.length === 0 ? (
        <Empty icon="link" title="No credentials yet">
          <p>
            What an outside provider gave you goes into the vault here, and is used for calls to it alone.
          </p>
        </Empty>
      ) : (
        <>
          <div className="relative overflow-x-auto border-t border-line">
            <table className="ledger">
              <caption className="sr-only">Credentials</caption>
              <thead>
                <tr>
                  <th scope="col" className="md:pl-6">
                    Name
                  </th>
                  <th scope="col" className="hidden sm:table-cell">
                    Provider
                  </th>
                  <th scope="col">Credential</th>
                  <th scope="col">State</th>
                  <th scope="col" className="hidden md:table-cell">
                    Stored
                  </th>
                  <th scope="col" className="hidden md:table-cell">
                    Last check
                  </th>
                  <th scope="col" className="md:pr-6">
                    <span className="sr-only">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map(({ node }) => (
                  <tr key={node.id}>
                    <td className="max-sm:w-full max-sm:max-w-0 max-sm:min-w-20 md:pl-6">
                      <span className="block truncate font-medium" title={node.name}>
                        {node.name}
                      </span>
                      <span className="block truncate text-xs text-muted sm:hidden">
                        {PROVIDER_NAMES[node.provider]}
                      </span>
                    </td>
                    <td className="hidden sm:table-cell">{PROVIDER_NAMES[node.provider]}</td>
                    <td className="mono whitespace-nowrap">{node.prefix}…</td>
                    <td>
                      <CredentialStateBadge credential={node} />
                    </td>
                    <td className="hidden text-muted md:table-cell">
                      <RelTime at={node.createdAt} />
                      {node.createdBy?.name && (
                        <span className="whitespace-nowrap"> by {node.createdBy.name}</span>
                      )}
                    </td>
                    <td className="hidden text-muted md:table-cell">
                      <LastCheck credential={node} />
                    </td>
                    <td className="text-right sm:whitespace-nowrap md:pr-6">
                      {node.state === 'ACTIVE' && <CheckButton credential={node} />}
                      {node.state !== 'REVOKED' && (
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
      {isStoring && <StoreCredentialDialog onClose={() => setStoring(false)} />}
      {revoking && <RevokeCredentialDialog credential={revoking} onClose={() => setRevoking(null)} />}
    </>
  );
}
