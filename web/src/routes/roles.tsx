import { type ReactNode, useState } from 'react';
import { DeleteRoleDialog } from '../features/roles/delete-role-dialog';
import { RoleDialog } from '../features/roles/role-dialog';
import { absence } from '../graphql/absence';
import { type RoleRowFragment, RolesDocument } from '../graphql/generated/documents';
import { usePermissions } from '../graphql/use-permissions';
import { useTenantList } from '../graphql/use-tenant';
import { groupName } from '../lib/capabilities';
import { countText } from '../lib/numbers';
import { ActionButton } from '../ui/action-button';
import { Empty, ErrorPanel, LoadMore, PageHeader, SkeletonRows } from '../ui/panels';
import { Chip } from '../ui/state-badge';

function Capabilities({ of }: { of: readonly string[] }) {
  return (
    <span className="flex flex-wrap gap-1 py-1">
      {of.map((one) => (
        <Chip key={one}>{groupName(one)}</Chip>
      ))}
    </span>
  );
}

function Table({ caption, own, children }: { caption: string; own: boolean; children: ReactNode }) {
  return (
    <div className="relative overflow-x-auto border-t border-line">
      <table className="ledger">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr>
            <th scope="col" className="md:pl-6">
              Role
            </th>
            {own && <th scope="col">Stands on</th>}
            <th scope="col" className="hidden md:table-cell">
              {own ? 'Grants beside it' : 'Holds'}
            </th>
            <th scope="col" className="text-right md:pr-6">
              Members
            </th>
            {own && (
              <th scope="col" className="md:pr-6">
                <span className="sr-only">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function NameCell({ name, description }: { name: string; description: string }) {
  return (
    <td className="py-1.5 md:pl-6">
      <span className="font-medium">{name}</span>
      <span className="block text-xs text-muted">{description}</span>
    </td>
  );
}

export function RolesPage() {
  const { refusal } = usePermissions();
  const { query, rows } = useTenantList(RolesDocument, 'roles', {});
  const missing = absence(query);
  const builtIn = query.data?.pages[0]?.data.roles?.builtIn ?? [];
  const [editing, setEditing] = useState<RoleRowFragment | 'new' | null>(null);
  const [deleting, setDeleting] = useState<{ id: string; name: string } | null>(null);
  return (
    <>
      <PageHeader title="Roles">
        <ActionButton kind="primary" refusal={refusal('createRole')} onClick={() => setEditing('new')}>
          Create role
        </ActionButton>
      </PageHeader>
      {missing ? (
        <ErrorPanel error={missing} what="Roles" onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <SkeletonRows columns={['w-40', 'w-24', 'w-64', 'ml-auto w-20']} rows={8} />
      ) : (
        <>
          <h2 className="px-4 pb-2 text-xs font-medium text-muted md:px-6">Your own</h2>
          {rows.length === 0 ? (
            <Empty icon="people" title="No roles of your own yet">
              <p>A role of your own stands on a built-in one and grants capabilities beside it.</p>
            </Empty>
          ) : (
            <Table caption="Your own roles" own>
              {rows.map(({ node }) => (
                <tr key={node.id}>
                  <NameCell name={node.name} description={node.description} />
                  <td>
                    <Chip>{node.baseRole}</Chip>
                  </td>
                  <td className="hidden md:table-cell">
                    <Capabilities of={node.capabilities} />
                  </td>
                  <td className="num text-right md:pr-6">{countText(node.memberCount)}</td>
                  <td className="text-right sm:whitespace-nowrap md:pr-6">
                    <ActionButton
                      data-row
                      kind="quiet"
                      className="button h-7"
                      refusal={refusal('updateRole')}
                      aria-label={`Change role ${node.name}`}
                      onClick={() => setEditing(node)}
                    >
                      Change
                    </ActionButton>
                    <ActionButton
                      kind="quiet"
                      className="button h-7"
                      refusal={refusal('deleteRole')}
                      aria-label={`Delete role ${node.name}`}
                      onClick={() => setDeleting({ id: node.id, name: node.name })}
                    >
                      Delete
                    </ActionButton>
                  </td>
                </tr>
              ))}
            </Table>
          )}
          <LoadMore query={query} />
          <h2 className="px-4 pt-6 pb-2 text-xs font-medium text-muted md:px-6">Built in</h2>
          <Table caption="Built-in roles" own={false}>
            {builtIn.map((role) => (
              <tr key={role.name}>
                <NameCell name={role.name} description={role.description} />
                <td className="hidden md:table-cell">
                  <Capabilities of={role.capabilities} />
                </td>
                <td className="num text-right md:pr-6">{countText(role.memberCount)}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
      {editing && (
        <RoleDialog
          role={editing === 'new' ? null : editing}
          builtIn={builtIn}
          onClose={() => setEditing(null)}
        />
      )}
      {deleting && <DeleteRoleDialog role={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}
