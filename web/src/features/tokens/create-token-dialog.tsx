import { useState } from 'react';
import { CreateApiTokenDocument } from '../../graphql/generated/documents';
import { useTenantMutation } from '../../graphql/use-tenant';
import { type Complaint, complaintFor, otherComplaints } from '../../graphql/user-errors';
import { ActionButton } from '../../ui/action-button';
import { Complaints } from '../../ui/confirm-dialog';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { ScopeMatrix } from './scope-matrix';

const FIELDS = ['name', 'scopes', 'expiresInDays'];
const EXPIRIES = [7, 30, 90, 180, 365];

export function CreateTokenDialog({
  onClose,
  onCreated,
}: {
  onClose: () => void;
  /** Takes the token, which the server shows this once. It is kept in no cache. */
  onCreated: (created: { name: string; plainToken: string }) => void;
}) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<ReadonlySet<string>>(new Set(['basic:read']));
  const [days, setDays] = useState(90);
  const [documentsOnly, setDocumentsOnly] = useState(false);
  const [complaints, setComplaints] = useState<readonly Complaint[]>([]);
  const create = useTenantMutation(CreateApiTokenDocument, ['ApiTokens']);

  /** Not while the request is on its way: the token that it makes could be shown to nobody. */
  function close() {
    if (!create.isPending) onClose();
  }

  function submit() {
    create.mutate(
      { input: { name: name.trim(), scopes: [...scopes].sort(), expiresInDays: days, documentsOnly } },
      {
        onSuccess: ({ data }) => {
          const payload = data.createApiToken;
          setComplaints(payload?.userErrors ?? []);
          if (!payload?.plainToken || !payload.apiToken) return;
          create.reset();
          onCreated({ name: payload.apiToken.name, plainToken: payload.plainToken });
        },
      },
    );
  }

  return (
    <Dialog
      isOpen
      isWide
      onClose={close}
      title="Create API token"
      description="A token acts as a machine, with these scopes and nothing else."
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Complaints of={create.error ? [create.error] : otherComplaints(complaints, FIELDS)} />
        <div className="grid gap-4 sm:grid-cols-[1fr_160px]">
          <Field label="Name" help="What it is for." error={complaintFor(complaints, 'name')}>
            {(props) => (
              <input {...props} required value={name} onChange={(event) => setName(event.target.value)} />
            )}
          </Field>
          <Field label="Expires" error={complaintFor(complaints, 'expiresInDays')}>
            {(props) => (
              <select {...props} value={days} onChange={(event) => setDays(Number(event.target.value))}>
                {EXPIRIES.map((option) => (
                  <option key={option} value={option}>
                    in {option} days
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <ScopeMatrix chosen={scopes} onChange={setScopes} error={complaintFor(complaints, 'scopes')} />
        <label className="flex items-center gap-2">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={documentsOnly}
            onChange={(event) => setDocumentsOnly(event.target.checked)}
          />
          Published documents only: the token sends no query of its own
        </label>
        <div className="flex justify-end gap-2">
          <button type="button" className="button" aria-disabled={create.isPending} onClick={close}>
            Cancel
          </button>
          <ActionButton kind="primary" type="submit" isBusy={create.isPending}>
            Create token
          </ActionButton>
        </div>
      </form>
    </Dialog>
  );
}
