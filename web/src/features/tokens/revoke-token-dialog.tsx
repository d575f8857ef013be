import { useState } from 'react';
import { RevokeApiTokenDocument } from '../../graphql/generated/documents';
import { useTenantMutation } from '../../graphql/use-tenant';
import type { Complaint } from '../../graphql/user-errors';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { showToast } from '../../ui/toasts';

export function RevokeTokenDialog({
  token,
  onClose,
}: {
  token: { id: string; name: string };
  onClose: () => void;
}) {
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const revoke = useTenantMutation(RevokeApiTokenDocument, ['ApiTokens']);
  const confirm = () =>
    revoke.mutate(
      { input: { apiTokenId: token.id } },
      {
        onSuccess: ({ data }) => {
          setComplaints(data.revokeApiToken?.userErrors ?? []);
          if (!data.revokeApiToken?.apiToken) return;
          showToast({ title: `Token ${token.name} revoked` });
          onClose();
        },
      },
    );
  return (
    <ConfirmDialog
      title={`Revoke “${token.name}”?`}
      action="Revoke token"
      isBusy={revoke.isPending}
      complaints={revoke.error ? [revoke.error] : complaints}
      onConfirm={confirm}
      onClose={onClose}
    >
      Whatever uses this token is refused from its very next request on. This can not be taken back.
    </ConfirmDialog>
  );
}
