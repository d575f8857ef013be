import { useState } from 'react';
import {
  PreviewMemberDocument,
  RolesDocument,
  UpdateMemberDocument,
} from '../../graphql/generated/documents';
import { PAGE_SIZE, useTenantMutation, useTenantQuery } from '../../graphql/use-tenant';
import type { Complaint } from '../../graphql/user-errors';
import { ActionButton } from '../../ui/action-button';
import { CapabilityChoice } from '../../ui/capability-choice';
import { Complaints } from '../../ui/confirm-dialog';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Lacking } from '../../ui/panels';
import { RightsPreview } from '../../ui/rights-preview';
import { showToast } from '../../ui/toasts';

export interface ChangedMember {
  readonly id: string;
  readonly name: string;
  readonly role: string | null;
  readonly customRole: { readonly id: string } | null;
  readonly capabilities: readonly string[] | null;
}

const OWN = 'own:';

/** A role and what is granted beside it, with what the change comes to before it is made. */
export function ChangeMemberDialog({ member, onClose }: { member: ChangedMember; onClose: () => void }) {
  const before = member.customRole ? `${OWN}${member.customRole.id}` : (member.role ?? '');
  const granted = [...(member.capabilities ?? [])].sort();
  const [role, setRole] = useState(before);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(granted));
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const roles = useTenantQuery(RolesDocument, { first: 10 * PAGE_SIZE, after: null });
  const builtIn = roles.data?.data.roles?.builtIn ?? [];
  const own = roles.data?.data.roles?.nodes ?? [];

  const capabilities = [...chosen].sort();
  const input = {
    memberId: member.id,
    ...(role === before ? {} : role.startsWith(OWN) ? { customRoleId: role.slice(OWN.length) } : { role }),
    ...(capabilities.join() === granted.join() ? {} : { capabilities }),
  };
  const isChanged = Object.keys(input).length > 1;
  const preview = useTenantQuery(PreviewMemberDocument, { input }, { isEnabled: isChanged });
  const previewed = isChanged ? (preview.data?.data.previewMember ?? null) : null;
  // Nobody saves what they have not seen, nor what would be refused.
  const isReady = previewed !== null && previewed.refusals.length === 0;
  const update = useTenantMutation(UpdateMemberDocument, [
    'Members',
    'Roles',
    'Permissions',
    'PreviewMember',
    'ApiTokens',
  ]);

  const chosenOwn = own.find((one) => `${OWN}${one.id}` === role);
  const base = builtIn.find((one) => one.name === (chosenOwn?.baseRole ?? role));
  const held = new Set([...(base?.capabilities ?? []), ...(chosenOwn?.capabilities ?? [])]);

  function submit() {
    update.mutate(
      { input },
      {
        onSuccess: ({ data }) => {
          setComplaints(data.updateMember?.userErrors ?? []);
          if (!data.updateMember?.member) return;
          showToast({ title: `${member.name} changed`, text: 'It holds from their very next request on.' });
          onClose();
        },
      },
    );
  }

  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      title={`Change ${member.name}`}
      description="Nobody grants more than they hold themselves, and nobody gains by their own hand."
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !update.isPending) submit();
        }}
      >
        <Complaints of={update.error ? [update.error] : complaints} />
        <Field label="Role" help={chosenOwn?.description || base?.description}>
          {(props) => (
            <select {...props} value={role} onChange={(event) => setRole(event.target.value)}>
              <optgroup label="Built in">
                {builtIn.map((one) => (
                  <option key={one.name} value={one.name}>
                    {one.name}
                  </option>
                ))}
              </optgroup>
              {own.length > 0 && (
                <optgroup label="Your own">
                  {own.map((one) => (
                    <option key={one.id} value={`${OWN}${one.id}`}>
                      {one.name} (on {one.baseRole})
                    </option>
                  ))}
                </optgroup>
              )}
            </select>
          )}
        </Field>
        <Lacking query={roles} field="roles" what="Roles" />
        <CapabilityChoice
          legend="Beside the role"
          chosen={chosen}
          held={held}
          onChange={setChosen}
          error={null}
        />
        {isChanged && preview.isError && <Complaints of={[preview.error]} />}
        {isChanged && preview.isPending && (
          <p role="status" className="text-muted">
            Working out what it comes to…
          </p>
        )}
        {previewed && <RightsPreview of={previewed} whose={member.name} />}
        <div className="flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <ActionButton kind="primary" type="submit" isBusy={update.isPending} disabled={!isReady}>
            Save change
          </ActionButton>
        </div>
      </form>
    </Dialog>
  );
}
