import { useState } from 'react';
import { CreateCategoryDocument } from '../../graphql/generated/documents';
import { useTenantMutation } from '../../graphql/use-tenant';
import { type Complaint, complaintFor, otherComplaints, sentence } from '../../graphql/user-errors';
import { ActionButton } from '../../ui/action-button';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import type { CategoryChoice } from './use-categorize';

export function NewCategoryDialog({
  onClose,
  onCreated,
}: {
  onClose: () => void;
  onCreated: (category: CategoryChoice) => void;
}) {
  const [name, setName] = useState('');
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const create = useTenantMutation(CreateCategoryDocument, ['Categories']);

  return (
    <Dialog isOpen onClose={onClose} title="New category">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate(
            { input: { name: name.trim() } },
            {
              onSuccess: ({ data }) => {
                setComplaints(data.createCategory?.userErrors ?? []);
                if (data.createCategory?.category) onCreated(data.createCategory.category);
              },
            },
          );
        }}
      >
        {(create.error ? [create.error] : otherComplaints(complaints, ['name'])).map((one) => (
          <p key={one.message} role="alert" className="text-danger">
            {sentence(one.message)}
          </p>
        ))}
        <Field label="Name" error={complaintFor(complaints, 'name')}>
          {(props) => (
            <input {...props} value={name} required onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <div className="flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <ActionButton kind="primary" type="submit" isBusy={create.isPending}>
            Create category
          </ActionButton>
        </div>
      </form>
    </Dialog>
  );
}
