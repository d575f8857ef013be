import type { ReactNode } from 'react';
import { lack } from '../graphql/absence';
import { RequestError } from '../graphql/request';
import { sentence } from '../graphql/user-errors';
import { useTitle } from '../lib/title';
import { CopyButton } from './copy-button';
import { Icon, type IconName } from './icon';

/** Says that there is nothing, and the one thing to do next. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 px-4 py-16 text-center">
      <span className="text-muted">
        <Icon name={icon} size={24} />
      </span>
      <p className="text-base font-medium">{title}</p>
      {children && <div className="flex max-w-md flex-col items-center gap-3 text-muted">{children}</div>}
    </div>
  );
}

function RequestIdLine({ requestId }: { requestId: string | null }) {
  if (!requestId) return null;
  return (
    <p className="flex items-center gap-1 text-xs text-muted">
      Request <code className="mono text-text">{requestId}</code>
      <CopyButton text={requestId} label="Copy request id" />
    </p>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  NETWORK: 'The server could not be reached',
  SERVICE_UNAVAILABLE: 'The books are away for a moment',
  RATE_LIMITED: 'Too many requests',
  NOT_FOUND: 'Nothing here by that name',
};

/** What failed, what to quote when asking for help, and the way to try again. */
export function ErrorPanel({ error, what, onRetry }: { error: unknown; what: string; onRetry?: () => void }) {
  const fault = error instanceof RequestError ? error.fault : null;
  if (fault?.code === 'FORBIDDEN') return <ForbiddenPanel error={error} what={what} />;
  return (
    <div role="alert" className="flex flex-col items-center gap-3 px-4 py-16 text-center">
      <span className="text-danger">
        <Icon name="alert" size={24} />
      </span>
      <div>
        <p className="text-base font-medium">{TITLES[fault?.code ?? ''] ?? `${what} could not be loaded`}</p>
        <p className="text-muted">{sentence(fault?.message ?? 'something in this page broke')}</p>
      </div>
      {onRetry && (
        <button type="button" className="button" onClick={onRetry}>
          Try again
        </button>
      )}
      <RequestIdLine requestId={fault?.requestId ?? null} />
    </div>
  );
}

function ForbiddenPanel({ error, what }: { error: unknown; what: string }) {
  const fault = error instanceof RequestError ? error.fault : null;
  return (
    <div role="alert" className="flex flex-col items-center gap-3 px-4 py-16 text-center">
      <span className="hatch rounded-md border border-line p-2 text-muted">
        <Icon name="lock" size={20} />
      </span>
      <div>
        <p className="text-base font-medium">{what}: hidden by policy</p>
        <p className="max-w-md text-muted">
          Your role in this tenant may not do this. An owner or admin can change that.
        </p>
      </div>
      {fault?.rule && (
        <p className="text-muted">
          Rule <code className="mono text-text">{fault.rule}</code>
        </p>
      )}
      <RequestIdLine requestId={fault?.requestId ?? null} />
    </div>
  );
}

/** Rows as they will be, seen only when the answer takes its time. */
export function SkeletonRows({ columns, rows = 8 }: { columns: readonly string[]; rows?: number }) {
  return (
    <div className="late" role="status">
      <span className="sr-only">Loading</span>
      <div aria-hidden="true">
        {Array.from({ length: rows }, (_, row) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike and never move
          <div key={row} className="row-h flex items-center gap-6 border-b border-line px-2.5">
            {columns.map((width, column) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the columns are all alike and never move
              <span key={column} className={`skeleton h-3 ${width}`} />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

export function PageHeader({
  title,
  children,
  note,
}: {
  title: string;
  children?: ReactNode;
  note?: ReactNode;
}) {
  useTitle(title);
  return (
    <header className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 pt-5 pb-4 md:px-6">
      <h1 className="text-lg font-semibold">{title}</h1>
      {note && <p className="num text-muted">{note}</p>}
      <div className="ml-auto flex flex-wrap items-center gap-2">{children}</div>
    </header>
  );
}

interface ListQuery {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly isFetchNextPageError: boolean;
  readonly isRefetchError: boolean;
  readonly isRefetching: boolean;
  readonly error: Error | null;
  readonly fetchNextPage: () => Promise<unknown>;
  readonly refetch: () => Promise<unknown>;
}

/** A list's end: more of it on demand, or, where `saysEnd`, the word that this was all. */
export function LoadMore({ query, saysEnd = false }: { query: ListQuery; saysEnd?: boolean }) {
  const { error } = query;
  if (query.isFetchNextPageError && error) {
    return (
      <ListFault
        title="The next rows could not be loaded"
        error={error}
        isBusy={query.isFetchingNextPage}
        onRetry={() => void query.fetchNextPage()}
      />
    );
  }
  if (query.isRefetchError && error) {
    return (
      <ListFault
        title="These rows may be out of date"
        error={error}
        isBusy={query.isRefetching}
        onRetry={() => void query.refetch()}
      />
    );
  }
  if (!query.hasNextPage) {
    return saysEnd && <p className="px-4 py-4 text-center text-xs text-muted md:px-6">End of the list</p>;
  }
  const isLoading = query.isFetchingNextPage;
  return (
    <div className="flex justify-center py-4">
      <button
        type="button"
        className="button"
        aria-busy={isLoading}
        aria-disabled={isLoading}
        onClick={() => !isLoading && void query.fetchNextPage()}
      >
        {isLoading ? 'Loading…' : 'Load more'}
      </button>
    </div>
  );
}

interface LineProps {
  readonly title: string;
  readonly error: Error;
  readonly isBusy: boolean;
  readonly onRetry: () => void;
}

/** What failed about a list that is there: the rows stay, and it can be tried again. */
function ListFault(props: LineProps) {
  return (
    <div className="flex justify-center px-4 py-4 md:px-6">
      <FaultLine {...props} />
    </div>
  );
}

/** What failed about a part of a page, in a line; what policy refuses is refused again, and not tried. */
function FaultLine({ title, error, isBusy, onRetry }: LineProps) {
  const isRefused = error instanceof RequestError && error.fault.code === 'FORBIDDEN';
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <p role="alert">
        <span className="text-danger">{title}.</span> {sentence(error.message)}
      </p>
      {!isRefused && (
        <button
          type="button"
          className="button"
          aria-busy={isBusy}
          aria-disabled={isBusy}
          onClick={() => !isBusy && onRetry()}
        >
          {isBusy ? 'Loading…' : 'Try again'}
        </button>
      )}
    </div>
  );
}

/** Says that what there is to choose from could not be loaded; nothing where it was, or is still to come. */
export function Lacking<Data>({
  query,
  field,
  what,
}: {
  query: Parameters<typeof lack<Data>>[0] & { isFetching: boolean; refetch: () => Promise<unknown> };
  field: keyof Data & string;
  what: string;
}) {
  const error = lack(query, field);
  if (!error) return null;
  return (
    <FaultLine
      title={`${what} could not be loaded`}
      error={error}
      isBusy={query.isFetching}
      onRetry={() => void query.refetch()}
    />
  );
}
