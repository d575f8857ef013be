import { useState } from 'react';
import { PreviewRemoveMemberDocument, RemoveMemberDocument } from '../../graphql/generated/documents';
import { useTenantMutation, useTenantQuery } from '../../graphql/use-tenant';
import type { Complaint } from '../../graphql/user-errors';
import { useTenant } from '../../lib/tenant';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { EndingTokens } from '../../ui/rights-preview';
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
  const input = { memberId: member.id };
  const preview = useTenantQuery(PreviewRemoveMemberDocument, { input });
  const previewed = preview.data?.data.previewRemoveMember ?? null;
  const refusals = previewed?.refusals ?? [];
  const tokens = previewed?.tokens ?? [];
  const remove = useTenantMutation(RemoveMemberDocument, ['Members', 'MemberNames', 'Accounts', 'ApiTokens']);
  const confirm = () =>
    remove.mutate(
      { input },
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
      isReady={!preview.isPending && refusals.length === 0}
      complaints={remove.error ? [remove.error] : complaints.length > 0 ? complaints : refusals}
      onConfirm={confirm}
      onClose={onClose}
    >
      {isMe ? 'You lose' : `${member.name} loses`} access to {tenant.name} at once: the very next request is
      refused, also in a session that is open now, and so is that of every API token that{' '}
      {isMe ? 'you' : 'they'} made
      {tokens.length > 0 && (
        <>
          : <EndingTokens of={tokens} />
        </>
      )}
      . What {isMe ? 'you' : 'they'} did stays in the audit log.
    </ConfirmDialog>
  );
}
