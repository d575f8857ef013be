import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { FORMAT_NAMES } from '../features/imports/names';
import { StatementTable } from '../features/imports/statement-table';
import { absence } from '../graphql/absence';
import { type ImportRowFragment, ImportsDocument, StatementsDocument } from '../graphql/generated/documents';
import { type Redactions, redactionAt } from '../graphql/redactions';
import { useTenantList } from '../graphql/use-tenant';
import { countText, sizeText } from '../lib/numbers';
import { useTenant } from '../lib/tenant';
import { Hash } from '../ui/hash';
import { Empty, ErrorPanel, LoadMore, PageHeader, SkeletonRows } from '../ui/panels';
import { RedactedCell } from '../ui/redacted-cell';
import { RelTime } from '../ui/rel-time';
import { ScrollRegion } from '../ui/scroll-region';

export function ImportsPage() {
  const tenant = useTenant();
  return (
    <>
      <PageHeader title="Statements">
        <Link to="/t/$slug/import" params={{ slug: tenant.slug }} className="button" data-kind="primary">
          Import a statement
        </Link>
      </PageHeader>
      <Statements />
      <h2 className="px-4 pt-6 pb-3 text-base font-semibold md:px-6">Imported files</h2>
      <Files />
    </>
  );
}

function Statements() {
  const { query, rows } = useTenantList(StatementsDocument, 'statements', {});
  const missing = absence(query);
  if (missing) {
    return <ErrorPanel error={missing} what="Statements" onRetry={() => void query.refetch()} />;
  }
  if (query.isPending) return <SkeletonRows columns={['w-40', 'w-40', 'ml-auto w-24', 'w-24']} rows={4} />;
  if (rows.length === 0) return <Empty icon="download" title="No statements yet" />;
  return (
    <>
      <StatementTable
        path="statements.nodes.*"
        statements={rows.map(({ node, redactions }) => ({ statement: node, redactions }))}
      />
      <LoadMore query={query} />
    </>
  );
}

/** A text of an import, or that policy hid it. */
function Shown({
  label,
  field,
  node,
  redactions,
  children,
}: {
  label: string;
  field: 'fileName' | 'sha256';
  node: ImportRowFragment;
  redactions: Redactions;
  children: ReactNode;
}) {
  const hidden = redactionAt(redactions, `imports.nodes.*.${field}`, node[field]);
  if (!hidden) return children;
  return <RedactedCell label={label} redaction={hidden} why={{ action: `Import.${field}`, node: node.id }} />;
}

function Files() {
  const { query, rows } = useTenantList(ImportsDocument, 'imports', {});
  const missing = absence(query);
  if (missing) {
    return <ErrorPanel error={missing} what="Imported files" onRetry={() => void query.refetch()} />;
  }
  if (query.isPending) return <SkeletonRows columns={['w-48', 'w-20', 'w-32', 'ml-auto w-16']} rows={4} />;
  if (rows.length === 0) return <Empty icon="upload" title="No file was imported yet" />;
  return (
    <>
      <ScrollRegion label="Imported files">
        <table className="ledger">
          <caption className="sr-only">Imported files, newest first</caption>
          <thead>
            <tr>
              <th scope="col" className="md:pl-6">
                File
              </th>
              <th scope="col">Format</th>
              <th scope="col" className="hidden text-right md:table-cell">
                Size
              </th>
              <th scope="col" className="hidden lg:table-cell">
                SHA-256
              </th>
              <th scope="col" className="hidden text-right sm:table-cell">
                Statements
              </th>
              <th scope="col" className="text-right">
                New
              </th>
              <th scope="col" className="text-right">
                Duplicate
              </th>
              <th scope="col" className="hidden sm:table-cell md:pr-6">
                Imported
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ node, redactions }) => (
              <tr key={node.id}>
                <td className="w-full max-w-0 min-w-32 truncate md:pl-6" title={node.fileName ?? undefined}>
                  <Shown label="File" field="fileName" node={node} redactions={redactions}>
                    {node.fileName}
                  </Shown>
                </td>
                <td className="whitespace-nowrap">{FORMAT_NAMES[node.format]}</td>
                <td className="num hidden text-right whitespace-nowrap text-muted md:table-cell">
                  {sizeText(node.byteCount)}
                </td>
                <td className="hidden lg:table-cell">
                  <Shown label="SHA-256" field="sha256" node={node} redactions={redactions}>
                    {node.sha256 && (
                      <Hash value={node.sha256} label={`hash of ${node.fileName ?? 'the file'}`} />
                    )}
                  </Shown>
                </td>
                <td className="num hidden text-right sm:table-cell">{countText(node.statementCount)}</td>
                <td className="num text-right">{countText(node.addedCount)}</td>
                <td className="num text-right text-muted">{countText(node.duplicateCount)}</td>
                <td className="hidden text-muted sm:table-cell md:pr-6">
                  <RelTime at={node.createdAt} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollRegion>
      <LoadMore query={query} />
    </>
  );
}
