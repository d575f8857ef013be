import { useState } from 'react';
import { type ChangedMember, ChangeMemberDialog } from '../features/members/change-member-dialog';
import { RemoveMemberDialog } from '../features/members/remove-member-dialog';
import { absence } from '../graphql/absence';
import { MembersDocument } from '../graphql/generated/documents';
import { redactionAt } from '../graphql/redactions';
import { refusalOn, usePermissions } from '../graphql/use-permissions';
import { useTenantList } from '../graphql/use-tenant';
import { countText } from '../lib/numbers';
import { ActionButton } from '../ui/action-button';
import { ErrorPanel, LoadMore, PageHeader, SkeletonRows } from '../ui/panels';
import { RedactedCell } from '../ui/redacted-cell';
import { RelTime } from '../ui/rel-time';
import { Chip } from '../ui/state-badge';

const PATH = 'members.nodes.*';

export function MembersPage() {
  const { member: me } = usePermissions();
  const { query, rows } = useTenantList(MembersDocument, 'members', {});
  const missing = absence(query);
  const [changing, setChanging] = useState<ChangedMember | null>(null);
  const [removing, setRemoving] = useState<{ id: string; name: string } | null>(null);
  return (
    <>
      <PageHeader
        title="Members"
        note={rows.length > 0 && !query.hasNextPage ? `${countText(rows.length)} in all` : undefined}
      />
      {missing ? (
        <ErrorPanel error={missing} what="Members" onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <SkeletonRows columns={['w-40', 'w-56', 'w-20', 'ml-auto w-20']} rows={5} />
      ) : (
        <>
          <div className="relative overflow-x-auto border-t border-line">
            <table className="ledger">
              <caption className="sr-only">Members</caption>
              <thead>
                <tr>
                  <th scope="col" className="md:pl-6">
                    Name
                  </th>
                  <th scope="col" className="hidden md:table-cell">
                    E-mail
                  </th>
                  <th scope="col">Role</th>
                  <th scope="col" className="hidden lg:table-cell">
                    Capabilities
                  </th>
                  <th scope="col" className="hidden sm:table-cell">
                    Joined
                  </th>
                  <th scope="col" className="md:pr-6">
                    <span className="sr-only">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map(({ node, redactions }) => {
                  const why = (field: string) => ({ action: `Member.${field}`, node: node.id });
                  const name = node.name ?? node.email ?? node.id;
                  const hiddenEmail = redactionAt(redactions, `${PATH}.email`, node.email);
                  const hiddenRole = redactionAt(redactions, `${PATH}.role`, node.role);
                  const hiddenJoined = redactionAt(redactions, `${PATH}.joinedAt`, node.joinedAt);
                  return (
                    <tr key={node.id}>
                      <td className="font-medium whitespace-nowrap md:pl-6">
                        {name}
                        {node.id === me?.id && <span className="ml-2 font-normal text-muted">you</span>}
                      </td>
                      <td className="hidden md:table-cell">
                        {hiddenEmail ? (
                          <RedactedCell label="E-mail" redaction={hiddenEmail} why={why('email')} />
                        ) : (
                          (node.email ?? '–')
                        )}
                      </td>
                      <td>
                        {hiddenRole ? (
                          <RedactedCell label="Role" redaction={hiddenRole} why={why('role')} />
                        ) : (
                          node.role && (
                            <>
                              <Chip>{node.customRole?.name ?? node.role}</Chip>
                              {node.customRole && (
                                <span className="ml-1 text-xs text-muted">on {node.role}</span>
                              )}
                            </>
                          )
                        )}
                      </td>
                      <td className="hidden lg:table-cell">
                        <span className="flex flex-wrap gap-1">
                          {(node.capabilities ?? []).map((capability) => (
                            <Chip key={capability} isMono>
                              {capability}
                            </Chip>
                          ))}
                        </span>
                      </td>
                      <td className="hidden text-muted sm:table-cell">
                        {hiddenJoined ? (
                          <RedactedCell label="Joined" redaction={hiddenJoined} why={why('joinedAt')} />
                        ) : (
                          node.joinedAt && <RelTime at={node.joinedAt} />
                        )}
                      </td>
                      <td className="text-right sm:whitespace-nowrap md:pr-6">
                        <ActionButton
                          kind="quiet"
                          className="button h-7"
                          refusal={refusalOn(node.change)}
                          aria-label={`Change ${name}`}
                          onClick={() => setChanging({ ...node, name })}
                        >
                          Change
                        </ActionButton>
                        <ActionButton
                          data-row
                          kind="quiet"
                          className="button h-7"
                          refusal={refusalOn(node.remove)}
                          aria-label={`Remove ${name}`}
                          onClick={() => setRemoving({ id: node.id, name })}
                        >
                          Remove
                        </ActionButton>
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
      {changing && <ChangeMemberDialog member={changing} onClose={() => setChanging(null)} />}
      {removing && (
        <RemoveMemberDialog
          member={removing}
          isMe={removing.id === me?.id}
          onClose={() => setRemoving(null)}
        />
      )}
    </>
  );
}
