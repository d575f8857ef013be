import { useState } from 'react';
import { RemoveMemberDocument } from '../../graphql/generated/documents';
import { useTenantMutation } from '../../graphql/use-tenant';
import type { Complaint } from '../../graphql/user-errors';
import { useTenant } from '../../lib/tenant';
import { ConfirmDialog } from '../../ui/confirm-dialog';
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
  const confirm = () =>
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
    );
  return (
    <ConfirmDialog
      title={`Remove ${member.name}?`}
      action="Remove member"
      isBusy={remove.isPending}
      complaints={remove.error ? [remove.error] : complaints}
      onConfirm={confirm}
      onClose={onClose}
    >
      {isMe ? 'You lose' : `${member.name} loses`} access to {tenant.name} at once: the very next request is
      refused, also in a session that is open now. What {isMe ? 'you' : 'they'} did stays in the audit log.
    </ConfirmDialog>
  );
}
