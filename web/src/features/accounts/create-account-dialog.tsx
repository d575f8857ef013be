import { useState } from 'react';
import { CreateAccountDocument, MemberNamesDocument } from '../../graphql/generated/documents';
import type { CurrencyCode } from '../../graphql/scalars';
import { useTenantMutation, useTenantQuery } from '../../graphql/use-tenant';
import { type Complaint, complaintFor, otherComplaints, sentence } from '../../graphql/user-errors';
import { ActionButton } from '../../ui/action-button';
import { Complaints } from '../../ui/confirm-dialog';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Lacking } from '../../ui/panels';
import { showToast } from '../../ui/toasts';

const FIELDS = ['name', 'currency', 'number', 'custodianId', 'personal'];

export function CreateAccountDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [currency, setCurrency] = useState('EUR');
  const [number, setNumber] = useState('');
  const [custodianId, setCustodianId] = useState('');
  const [isPersonal, setPersonal] = useState(false);
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const create = useTenantMutation(CreateAccountDocument, ['Accounts', 'AccountNames']);
  const members = useTenantQuery(MemberNamesDocument, {});

  function submit() {
    const input = {
      name: name.trim(),
      currency: currency.trim().toUpperCase() as CurrencyCode,
      number: number.replaceAll(/\s/g, '') || null,
      custodianId: custodianId || null,
      personal: isPersonal,
    };
    create.mutate(
      { input },
      {
        onSuccess: ({ data }) => {
          setComplaints(data.createAccount?.userErrors ?? []);
          if (!data.createAccount?.account) return;
          showToast({ title: `Account ${data.createAccount.account.name} created` });
          onClose();
        },
      },
    );
  }

  // The schema itself takes no other text for a currency, so that no use case complains of the field.
  const isNoCurrency = create.error?.message.includes('`CurrencyCode`') ?? false;
  const error = isNoCurrency ? null : create.error;

  return (
    <Dialog isOpen onClose={onClose} title="Create account">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Complaints of={error ? [error] : otherComplaints(complaints, FIELDS)} />
        <Field label="Name" error={complaintFor(complaints, 'name')}>
          {(props) => (
            <input {...props} required value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <Field
          label="Currency"
          help="Three letters, ISO 4217."
          error={
            isNoCurrency
              ? sentence('give a currency by its ISO 4217 code, such as EUR')
              : complaintFor(complaints, 'currency')
          }
        >
          {(props) => (
            <input
              {...props}
              required
              minLength={3}
              maxLength={3}
              autoCapitalize="characters"
              value={currency}
              onChange={(event) => setCurrency(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="Number"
          help="IBAN or the bank’s own. Statements that name it find the account by it."
          error={complaintFor(complaints, 'number')}
        >
          {(props) => (
            <input
              {...props}
              spellCheck={false}
              value={number}
              onChange={(event) => setNumber(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="Custodian"
          help="The member who cares for it, and may see its amounts whatever their role."
          error={complaintFor(complaints, 'custodianId')}
        >
          {(props) => (
            <select {...props} value={custodianId} onChange={(event) => setCustodianId(event.target.value)}>
              <option value="">Nobody</option>
              {(members.data?.data.members?.nodes ?? []).map((member) => (
                <option key={member.id} value={member.id}>
                  {member.name ?? member.id}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Lacking query={members} field="members" what="Members" />
        <label className="flex items-start gap-2">
          <input
            type="checkbox"
            className="mt-0.5 size-4 accent-accent"
            checked={isPersonal}
            onChange={(event) => setPersonal(event.target.checked)}
          />
          <span>
            Personal account of the owner’s household
            <span className="block text-xs text-muted">
              Hidden from everybody but owner, family and custodian.
            </span>
          </span>
        </label>
        <div className="flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <ActionButton kind="primary" type="submit" isBusy={create.isPending}>
            Create account
          </ActionButton>
        </div>
      </form>
    </Dialog>
  );
}
