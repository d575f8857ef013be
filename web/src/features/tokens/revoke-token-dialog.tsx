import { useState } from 'react';
import { RevokeApiTokenDocument } from '../../graphql/generated/documents';
import { useTenantMutation } from '../../graphql/use-tenant';
import { type Complaint, sentence } from '../../graphql/user-errors';
import { ActionButton } from '../../ui/action-button';
import { Dialog } from '../../ui/dialog';
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
  return (
    <Dialog isOpen onClose={onClose} title={`Revoke “${token.name}”?`}>
      <div className="flex flex-col gap-4">
        <p>Whatever uses this token is refused from its very next request on. This can not be taken back.</p>
        {(revoke.error ? [revoke.error] : complaints).map((one) => (
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
            isBusy={revoke.isPending}
            onClick={() =>
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
              )
            }
          >
            Revoke token
          </ActionButton>
        </div>
      </div>
    </Dialog>
  );
}
