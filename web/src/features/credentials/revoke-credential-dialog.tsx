import { useState } from 'react';
import { RevokeCredentialDocument } from '../../graphql/generated/documents';
import { useTenantMutation } from '../../graphql/use-tenant';
import type { Complaint } from '../../graphql/user-errors';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { showToast } from '../../ui/toasts';

export function RevokeCredentialDialog({
  credential,
  onClose,
}: {
  credential: { id: string; name: string };
  onClose: () => void;
}) {
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const revoke = useTenantMutation(RevokeCredentialDocument, ['Credentials']);
  const confirm = () =>
    revoke.mutate(
      { input: { credentialId: credential.id } },
      {
        onSuccess: ({ data }) => {
          setComplaints(data.revokeCredential?.userErrors ?? []);
          if (!data.revokeCredential?.credential) return;
          showToast({ title: `Credential ${credential.name} revoked` });
          onClose();
        },
      },
    );
  return (
    <ConfirmDialog
      title={`Revoke “${credential.name}”?`}
      action="Revoke credential"
      isBusy={revoke.isPending}
      complaints={revoke.error ? [revoke.error] : complaints}
      onConfirm={confirm}
      onClose={onClose}
    >
      What the vault has of it is erased, and can not be brought back. Revoke it at the provider as well:
      whoever else has it could still use it there.
    </ConfirmDialog>
  );
}
