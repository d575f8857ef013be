import { useState } from 'react';
import { DeleteRoleDocument } from '../../graphql/generated/documents';
import { useTenantMutation } from '../../graphql/use-tenant';
import type { Complaint } from '../../graphql/user-errors';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { showToast } from '../../ui/toasts';

export function DeleteRoleDialog({
  role,
  onClose,
}: {
  role: { id: string; name: string };
  onClose: () => void;
}) {
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const remove = useTenantMutation(DeleteRoleDocument, ['Roles']);
  const confirm = () =>
    remove.mutate(
      { input: { roleId: role.id } },
      {
        onSuccess: ({ data }) => {
          setComplaints(data.deleteRole?.userErrors ?? []);
          if (!data.deleteRole?.deletedRoleId) return;
          showToast({ title: `Role ${role.name} deleted` });
          onClose();
        },
      },
    );
  return (
    <ConfirmDialog
      title={`Delete “${role.name}”?`}
      action="Delete role"
      isBusy={remove.isPending}
      complaints={remove.error ? [remove.error] : complaints}
      onConfirm={confirm}
      onClose={onClose}
    >
      A role that members have can not be deleted: give them another one first.
    </ConfirmDialog>
  );
}
