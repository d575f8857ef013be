import { lazy, Suspense, useState } from 'react';
import type { AuditSearch } from '../../lib/filters';

const ExportDialog = lazy(() =>
  import('./export-dialog').then((module) => ({ default: module.ExportDialog })),
);

/** Opens the export of the log, with what the page shows as what is exported. */
export function ExportButton({ search }: { search: AuditSearch }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        Export
      </button>
      {isOpen && (
        <Suspense>
          <ExportDialog search={search} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
