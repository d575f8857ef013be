import { useState } from 'react';
import {
  CreateRoleDocument,
  PreviewRoleDocument,
  type RoleRowFragment,
  type RolesQuery,
  UpdateRoleDocument,
} from '../../graphql/generated/documents';
import { useTenantMutation, useTenantQuery } from '../../graphql/use-tenant';
import { type Complaint, complaintFor, otherComplaints } from '../../graphql/user-errors';
import { ActionButton } from '../../ui/action-button';
import { CapabilityChoice } from '../../ui/capability-choice';
import { Complaints } from '../../ui/confirm-dialog';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { AffectedMembers, RightsPreview } from '../../ui/rights-preview';
import { showToast } from '../../ui/toasts';

export type BuiltInRole = NonNullable<RolesQuery['roles']>['builtIn'][number];

const FIELDS = ['name', 'description', 'baseRole', 'capabilities'];
const TOUCHED = ['Roles', 'Members', 'Permissions', 'PreviewRole', 'PreviewMember', 'ApiTokens'];

/** Makes a role, or changes one: with who is affected, what each gains and loses, and what still wins. */
export function RoleDialog({
  role,
  builtIn,
  onClose,
}: {
  /** The role to be changed; null for a new one. */
  role: RoleRowFragment | null;
  builtIn: readonly BuiltInRole[];
  onClose: () => void;
}) {
  const bases = builtIn.filter((one) => one.canBeBase);
  const [name, setName] = useState(role?.name ?? '');
  const [description, setDescription] = useState(role?.description ?? '');
  const [baseRole, setBaseRole] = useState(role?.baseRole ?? '');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(role?.capabilities ?? []));
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const create = useTenantMutation(CreateRoleDocument, TOUCHED);
  const update = useTenantMutation(UpdateRoleDocument, TOUCHED);
  const isBusy = create.isPending || update.isPending;
  const error = create.error ?? update.error;

  const base = bases.find((one) => one.name === baseRole);
  const capabilities = [...chosen].sort();
  const preview = useTenantQuery(
    PreviewRoleDocument,
    { input: { roleId: role?.id ?? null, baseRole, capabilities } },
    { isEnabled: baseRole !== '' },
  );
  const previewed = baseRole === '' ? null : (preview.data?.data.previewRole ?? null);
  // Nobody saves what they have not seen, nor what would be refused.
  const isReady = previewed !== null && previewed.refusals.length === 0;

  function done(payload: { role: { name: string } | null; userErrors: readonly Complaint[] } | null) {
    setComplaints(payload?.userErrors ?? []);
    if (!payload?.role) return;
    showToast({ title: `Role ${payload.role.name} saved` });
    onClose();
  }

  function submit() {
    const input = { name: name.trim(), description: description.trim(), baseRole, capabilities };
    if (role) {
      update.mutate(
        { input: { roleId: role.id, ...input } },
        { onSuccess: ({ data }) => done(data.updateRole) },
      );
    } else {
      create.mutate({ input }, { onSuccess: ({ data }) => done(data.createRole) });
    }
  }

  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      title={role ? `Change role ${role.name}` : 'Create role'}
      description="A role stands on a built-in one, whose ceilings hold, and grants capabilities beside it."
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !isBusy) submit();
        }}
      >
        <Complaints of={error ? [error] : otherComplaints(complaints, FIELDS)} />
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Name" error={complaintFor(complaints, 'name')}>
            {(props) => (
              <input
                {...props}
                required
                maxLength={60}
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          <Field label="Stands on" help={base?.description} error={complaintFor(complaints, 'baseRole')}>
            {(props) => (
              <select
                {...props}
                required
                value={baseRole}
                onChange={(event) => setBaseRole(event.target.value)}
              >
                <option value="">Choose a role</option>
                {bases.map((one) => (
                  <option key={one.name} value={one.name}>
                    {one.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <Field label="Description" error={complaintFor(complaints, 'description')}>
          {(props) => (
            <input
              {...props}
              maxLength={300}
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
        <CapabilityChoice
          legend="Beside the built-in role"
          chosen={chosen}
          held={new Set(base?.capabilities ?? [])}
          onChange={setChosen}
          error={complaintFor(complaints, 'capabilities')}
        />
        {baseRole !== '' && preview.isError && <Complaints of={[preview.error]} />}
        {baseRole !== '' && preview.isPending && (
          <p role="status" className="text-muted">
            Working out what it comes to…
          </p>
        )}
        {previewed && (
          <>
            <RightsPreview
              of={previewed}
              whose={role ? 'Whoever has this role' : `Whoever has this role, against ${baseRole} alone`}
            />
            {role && <AffectedMembers of={previewed} />}
          </>
        )}
        <div className="flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <ActionButton kind="primary" type="submit" isBusy={isBusy} disabled={!isReady}>
            {role ? 'Save role' : 'Create role'}
          </ActionButton>
        </div>
      </form>
    </Dialog>
  );
}
