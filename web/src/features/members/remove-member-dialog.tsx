import { useState } from 'react';
import { RemoveMemberDocument } from '../../graphql/generated/documents';
import { useTenantMutation } from '../../graphql/use-tenant';
import { type Complaint, sentence } from '../../graphql/user-errors';
import { useTenant } from '../../lib/tenant';
import { ActionButton } from '../../ui/action-button';
import { Dialog } from '../../ui/dialog';
import { showToast } from '../../ui/toasts';

export function RemoveMemberDialog({
  member,
  isMe,
  onClose,
}: {
  member: { id: string; name: string };
  isMe: boolean;
  onClose: () => void;
}) {
  const tenant = useTenant();
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const remove = useTenantMutation(RemoveMemberDocument, ['Members', 'MemberNames', 'Accounts']);
  return (
    <Dialog isOpen onClose={onClose} title={`Remove ${member.name}?`}>
      <div className="flex flex-col gap-4">
        <p>
          {isMe ? 'You lose' : `${member.name} loses`} access to {tenant.name} at once: the very next request
          is refused, also in a session that is open now. What {isMe ? 'you' : 'they'} did stays in the audit
          log.
        </p>
        {(remove.error ? [remove.error] : complaints).map((one) => (
          <p key={one.message} role="alert" className="text-danger">
            {sentence(one.message)}
          </p>
        ))}
        <div className="flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <ActionButton
            kind="danger"
            isBusy={remove.isPending}
            onClick={() =>
              remove.mutate(
                { input: { memberId: member.id } },
                {
                  onSuccess: ({ data }) => {
                    setComplaints(data.removeMember?.userErrors ?? []);
                    if (!data.removeMember?.removedMemberId) return;
                    showToast({ title: `${member.name} is no longer a member` });
                    onClose();
                  },
                },
              )
            }
          >
            Remove member
          </ActionButton>
        </div>
      </div>
    </Dialog>
  );
}
