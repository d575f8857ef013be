import { useState } from 'react';
import { CsvMappingForm } from '../features/imports/csv-mapping-form';
import { DropZone } from '../features/imports/drop-zone';
import { ImportProgress } from '../features/imports/import-progress';
import { ImportFaults, type ImportPayload, ImportResult } from '../features/imports/import-result';
import { guessMapping, type Mapping, mappingInput } from '../features/imports/mapping';
import { type ChosenFile, FILE_BYTES_MAX, readFile } from '../features/imports/read-file';
import { AccountNamesDocument, ImportStatementDocument } from '../graphql/generated/documents';
import type { Redactions } from '../graphql/redactions';
import { RequestError } from '../graphql/request';
import { usePermissions } from '../graphql/use-permissions';
import { useTenantMutation, useTenantQuery } from '../graphql/use-tenant';
import { sizeText } from '../lib/numbers';
import { ActionButton } from '../ui/action-button';
import { Field } from '../ui/field';
import { Icon } from '../ui/icon';
import { Lacking, PageHeader } from '../ui/panels';

const TOUCHED = ['Transactions', 'Accounts', 'Imports', 'Statements'];

interface Outcome {
  readonly payload: ImportPayload;
  readonly redactions: Redactions;
}

function tooLarge(file: File): string {
  const most = sizeText(FILE_BYTES_MAX);
  return `${file.name} is larger than the ${most} that a statement may have. Ask the bank for a shorter period.`;
}

export function ImportPage() {
  const refusal = usePermissions().refusal('importStatement');
  const accounts = useTenantQuery(AccountNamesDocument, {}, { staleTime: 60_000 });
  const [file, setFile] = useState<ChosenFile | null>(null);
  const [mapping, setMapping] = useState<Mapping | null>(null);
  const [accountId, setAccountId] = useState('');
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [fileFault, setFileFault] = useState<string | null>(null);
  const send = useTenantMutation(ImportStatementDocument, TOUCHED);

  async function choose(chosen: File) {
    setOutcome(null);
    setFileFault(null);
    send.reset();
    if (chosen.size > FILE_BYTES_MAX) {
      setFile(null);
      setFileFault(tooLarge(chosen));
      return;
    }
    try {
      const read = await readFile(chosen);
      setFile(read);
      setMapping(read.csv ? guessMapping(read.csv) : null);
      // A file that names its account is not to be forced into the one chosen for the file before.
      if (!read.csv) setAccountId('');
    } catch {
      setFile(null);
      setFileFault(`${chosen.name} could not be read.`);
    }
  }

  function submit() {
    if (!file) return;
    setOutcome(null);
    send.mutate(
      {
        input: {
          fileName: file.name,
          content: file.content,
          accountId: accountId || null,
          csv: mapping ? mappingInput(mapping) : null,
        },
      },
      {
        onSuccess: ({ data, redactions }) => {
          if (data.importStatement) setOutcome({ payload: data.importStatement, redactions });
        },
      },
    );
  }

  const faults = send.error
    ? [
        {
          code: send.error instanceof RequestError ? send.error.fault.code : 'INTERNAL_SERVER_ERROR',
          message: send.error.message,
        },
      ]
    : (outcome?.payload.userErrors ?? []);

  return (
    <>
      <PageHeader title="Import" />
      <div className="max-w-4xl px-4 md:px-6">
        {refusal && (
          <p
            role="status"
            className="mb-4 flex items-center gap-2 rounded-md border border-line bg-surface p-3"
          >
            <Icon name="lock" />
            {refusal}
          </p>
        )}
        <form
          className="flex flex-col gap-5"
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <DropZone
            fileName={file?.name ?? null}
            isDisabled={refusal !== null || send.isPending}
            onFile={(chosen) => void choose(chosen)}
          />
          {fileFault && (
            <p role="alert" className="break-words text-danger">
              {fileFault}
            </p>
          )}
          {file && (
            <>
              <p className="text-muted">
                {sizeText(file.bytes)}.{' '}
                {file.csv ? 'A CSV file: say which column is which.' : 'The server recognises its format.'}
              </p>
              {file.csv && mapping && (
                <CsvMappingForm preview={file.csv} mapping={mapping} onChange={setMapping} />
              )}
              <div className="max-w-sm">
                <Field
                  label="Account"
                  help={
                    file.csv
                      ? 'A CSV file does not name one.'
                      : 'Only needed where the file does not name one.'
                  }
                >
                  {(props) => (
                    <select
                      {...props}
                      required={file.csv !== null}
                      value={accountId}
                      onChange={(event) => setAccountId(event.target.value)}
                    >
                      <option value="">{file.csv ? 'Choose an account' : 'As the file says'}</option>
                      {(accounts.data?.data.accounts?.nodes ?? []).map((account) => (
                        <option key={account.id} value={account.id}>
                          {account.name} ({account.currency})
                        </option>
                      ))}
                    </select>
                  )}
                </Field>
                <Lacking query={accounts} field="accounts" what="Accounts" />
              </div>
            </>
          )}
          <div>
            <ActionButton
              kind="primary"
              type="submit"
              refusal={refusal}
              isBusy={send.isPending}
              disabled={!file}
            >
              Import statement
            </ActionButton>
          </div>
        </form>
        {send.isPending && file && <ImportProgress fileName={file.name} />}
        {faults.length > 0 && <ImportFaults faults={faults} />}
      </div>
      {outcome && <ImportResult {...outcome} />}
    </>
  );
}
