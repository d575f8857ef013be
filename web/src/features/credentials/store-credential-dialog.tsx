import { useState } from 'react';
import { type CredentialProvider, StoreCredentialDocument } from '../../graphql/generated/documents';
import { useTenantMutation } from '../../graphql/use-tenant';
import { type Complaint, complaintFor, otherComplaints } from '../../graphql/user-errors';
import { ActionButton } from '../../ui/action-button';
import { Complaints } from '../../ui/confirm-dialog';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { showToast } from '../../ui/toasts';
import { PROVIDER_NAMES } from './names';

const FIELDS = ['name', 'secret'];

/** Takes a credential and lets go of it: what was typed lives in this dialog, and in no cache. */
export function StoreCredentialDialog({ onClose }: { onClose: () => void }) {
  const [provider, setProvider] = useState<CredentialProvider>('OPENAI');
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const store = useTenantMutation(StoreCredentialDocument, ['Credentials']);

  function submit() {
    store.mutate(
      { input: { provider, name: name.trim(), secret: secret.trim() } },
      {
        onSuccess: ({ data }) => {
          setComplaints(data.storeCredential?.userErrors ?? []);
          if (!data.storeCredential?.credential) return;
          store.reset();
          showToast({ title: `Credential ${name.trim()} stored` });
          onClose();
        },
      },
    );
  }

  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Store credential"
      description="It goes into the vault. Nobody reads it again: it is opened for calls to its provider alone."
    >
      <form
        className="flex flex-col gap-4"
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Complaints of={store.error ? [store.error] : otherComplaints(complaints, FIELDS)} />
        <Field label="Provider">
          {(props) => (
            <select
              {...props}
              value={provider}
              onChange={(event) => setProvider(event.target.value as CredentialProvider)}
            >
              {Object.entries(PROVIDER_NAMES).map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Name" help="What it is for." error={complaintFor(complaints, 'name')}>
          {(props) => (
            <input {...props} required value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <Field
          label="Credential"
          help="As the provider shows it. Its first characters stay visible, to tell it from others."
          error={complaintFor(complaints, 'secret')}
        >
          {(props) => (
            <input
              {...props}
              required
              type="password"
              autoComplete="new-password"
              spellCheck={false}
              value={secret}
              onChange={(event) => setSecret(event.target.value)}
            />
          )}
        </Field>
        <div className="flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <ActionButton kind="primary" type="submit" isBusy={store.isPending}>
            Store credential
          </ActionButton>
        </div>
      </form>
    </Dialog>
  );
}
