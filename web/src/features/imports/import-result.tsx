import { Link } from '@tanstack/react-router';
import type { ImportStatementMutation } from '../../graphql/generated/documents';
import type { Redactions } from '../../graphql/redactions';
import { sentence } from '../../graphql/user-errors';
import { countText, sizeText } from '../../lib/numbers';
import { useTenant } from '../../lib/tenant';
import { Hash } from '../../ui/hash';
import { Icon } from '../../ui/icon';
import { RelTime } from '../../ui/rel-time';
import { FORMAT_NAMES } from './names';
import { StatementTable } from './statement-table';

export type ImportPayload = NonNullable<ImportStatementMutation['importStatement']>;

const ADVICE: Readonly<Record<string, string>> = {
  ACCOUNT_UNKNOWN: 'Create an account with the number in the file, or choose the account above.',
  ACCOUNT_AMBIGUOUS: 'Choose the account above.',
  CURRENCY_MISMATCH: 'Choose an account in the currency of the file.',
  STATEMENT_UNBALANCED:
    'The file’s entries do not lead from its opening to its closing balance. Ask the bank for a new one.',
};

/** Why nothing was imported: the place in the file and the reason. */
export function ImportFaults({ faults }: { faults: readonly { code: string; message: string }[] }) {
  return (
    <div role="alert" className="mt-6 rounded-md border border-danger p-4">
      <p className="flex items-center gap-2 font-semibold text-danger">
        <Icon name="alert" />
        Nothing was imported
      </p>
      <ul className="mt-2 flex flex-col gap-2">
        {faults.map((fault) => (
          <li key={`${fault.code} ${fault.message}`}>
            <p className="break-words">{sentence(fault.message)}</p>
            {ADVICE[fault.code] && <p className="text-muted">{ADVICE[fault.code]}</p>}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What an import did. */
export function ImportResult({ payload, redactions }: { payload: ImportPayload; redactions: Redactions }) {
  const tenant = useTenant();
  const done = payload.import;
  if (!done) return null;
  // What the first import of the file brought is nothing that this one did.
  const figures: readonly (readonly [string, number])[] = payload.alreadyImported
    ? []
    : [
        ['Statements', done.statementCount],
        ['New transactions', done.addedCount],
        ['Already in the books', done.duplicateCount],
      ];
  return (
    <section aria-label="Result" className="mt-6">
      <div role="status" className="px-4 md:px-6">
        <h2 className="flex items-center gap-2 text-base font-semibold">
          <span className={payload.alreadyImported ? 'text-info' : 'text-positive'}>
            <Icon name="check" />
          </span>
          {payload.alreadyImported ? 'Already imported' : 'Imported'}
        </h2>
        <p className="mt-1 text-muted">
          {payload.alreadyImported ? (
            <>
              This very file was imported <RelTime at={done.createdAt} />. Nothing was changed.
            </>
          ) : (
            <>
              {done.fileName !== null && `${done.fileName}, `}
              {FORMAT_NAMES[done.format]}, {sizeText(done.byteCount)}
            </>
          )}
        </p>
      </div>
      <dl className="my-4 flex flex-wrap gap-x-10 gap-y-3 px-4 md:px-6">
        {figures.map(([name, value]) => (
          <div key={name} className="flex flex-col-reverse">
            <dt className="text-xs text-muted">{name}</dt>
            <dd className="num text-lg font-semibold">{countText(value)}</dd>
          </div>
        ))}
        {done.sha256 !== null && (
          <div className="flex flex-col-reverse">
            <dt className="text-xs text-muted">SHA-256 of the file</dt>
            <dd className="py-1">
              <Hash value={done.sha256} label="hash of the file" />
            </dd>
          </div>
        )}
      </dl>
      {payload.statements && payload.statements.length > 0 && (
        <StatementTable
          path="importStatement.statements.*"
          statements={payload.statements.map((statement) => ({ statement, redactions }))}
        />
      )}
      <p className="px-4 pt-4 md:px-6">
        <Link to="/t/$slug/transactions" params={{ slug: tenant.slug }} className="button">
          See the transactions
        </Link>
      </p>
    </section>
  );
}
