import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { lack } from '../../graphql/absence';
import { MayExportDocument } from '../../graphql/generated/documents';
import { RequestError } from '../../graphql/request';
import { useTenantQuery } from '../../graphql/use-tenant';
import { type AuditSearch, readAuditSearch } from '../../lib/filters';
import { sizeText } from '../../lib/numbers';
import { useTenant } from '../../lib/tenant';
import { useOnce } from '../../lib/use-once';
import { ActionButton } from '../../ui/action-button';
import { Complaints } from '../../ui/confirm-dialog';
import { Dialog } from '../../ui/dialog';
import { ErrorPanel, SkeletonRows } from '../../ui/panels';
import { CommandLine } from './command-line';
import { saveFile } from './download';
import { type Exported, type ExportFormat, fetchExport, verifyCommand } from './export-download';
import { ExportForm } from './export-form';
import { NoExport, WithoutFactor } from './export-refusal';

/** Takes the log out: whole rows, as a file that is verified without this server. */
export function ExportDialog({ search, onClose }: { search: AuditSearch; onClose: () => void }) {
  const ruling = useTenantQuery(MayExportDocument, {});
  const missing = lack(ruling, 'explainAccess');
  const told = ruling.data?.data.explainAccess;
  const isRefused = told?.decision === 'REFUSED';
  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      title="Export audit log"
      description="Whole entries in a file with a signed manifest. The export is itself an entry of the log."
    >
      {missing ? (
        <ErrorPanel error={missing} what="Your right to export" onRetry={() => void ruling.refetch()} />
      ) : !told ? (
        <SkeletonRows columns={['w-40', 'w-56']} />
      ) : isRefused && told.principal?.secondFactor === false ? (
        <WithoutFactor />
      ) : isRefused ? (
        <NoExport sentences={told.rules?.map((rule) => rule.sentence ?? rule.name ?? '') ?? []} />
      ) : (
        <Ready search={search} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Ready({ search, onClose }: { search: AuditSearch; onClose: () => void }) {
  const tenant = useTenant();
  const [format, setFormat] = useState<ExportFormat>('jsonl');
  const [chosen, setChosen] = useState(() => readAuditSearch({ ...search, open: undefined }));
  const [bytes, setBytes] = useState(0);
  const abort = useRef(new AbortController());
  const { begin, end } = useOnce();
  const take = useMutation({
    mutationFn: () => {
      abort.current = new AbortController();
      setBytes(0);
      return fetchExport(tenant, format, chosen, setBytes, abort.current.signal);
    },
    onSuccess: ({ name, file }) => saveFile(name, file),
    onSettled: end,
  });
  // Who closes the dialog wants no more rows.
  useEffect(() => () => abort.current.abort(), []);
  const fault = take.error instanceof RequestError ? take.error.fault : null;
  if (fault?.code === 'STEP_UP_REQUIRED') return <WithoutFactor />;
  if (take.data) return <Done exported={take.data} onClose={onClose} />;
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (begin()) take.mutate();
      }}
    >
      <Complaints of={take.error ? [take.error] : []} />
      <ExportForm
        format={format}
        onFormat={setFormat}
        search={chosen}
        onSearch={(changes) => setChosen((before) => readAuditSearch({ ...before, ...changes }))}
      />
      <div className="flex items-center justify-end gap-2">
        {take.isPending && (
          <span className="num mr-auto text-muted" aria-live="polite">
            {sizeText(bytes)} so far
          </span>
        )}
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
        <ActionButton kind="primary" type="submit" isBusy={take.isPending}>
          Export
        </ActionButton>
      </div>
    </form>
  );
}

function Done({ exported, onClose }: { exported: Exported; onClose: () => void }) {
  return (
    <div className="flex flex-col gap-3">
      <p>
        Saved as <code className="mono">{exported.name}</code>, {sizeText(exported.file.size)}.
      </p>
      <p>Whoever has the file verifies it by one line, without this server:</p>
      <CommandLine text={verifyCommand(exported)} />
      <p className="text-muted">
        The key at the end of the line is the log’s own and is not in the file. Keep it apart from the file,
        and compare it with the one that Checkpoints shows.
      </p>
      <div className="flex justify-end">
        <button type="button" className="button" onClick={onClose}>
          Done
        </button>
      </div>
    </div>
  );
}
