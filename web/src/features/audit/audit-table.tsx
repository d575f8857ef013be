import type { AuditEntriesQuery } from '../../graphql/generated/documents';
import { Icon } from '../../ui/icon';
import { RelTime } from '../../ui/rel-time';
import { Chip, StateBadge } from '../../ui/state-badge';
import { OUTCOME_NAMES, OUTCOME_TONES } from './names';
import type { SegmentState } from './segments';

type Entry = NonNullable<AuditEntriesQuery['auditEntries']>['nodes'][number];

interface TableProps {
  readonly entries: readonly Entry[];
  readonly openSeq: number | null;
  /** How rows stand that were checked here. */
  readonly states: ReadonlyMap<number, SegmentState> | null;
  readonly onOpen: (seq: number) => void;
}

export function AuditTable({ entries, ...rest }: TableProps) {
  return (
    <div className="relative overflow-x-auto border-t border-line">
      <table className="ledger">
        <caption className="sr-only">Audit entries, newest first</caption>
        <thead>
          <tr>
            <th scope="col" className="md:pl-6">
              Entry
            </th>
            <th scope="col">When</th>
            <th scope="col" className="hidden sm:table-cell">
              Actor
            </th>
            <th scope="col">Action</th>
            <th scope="col">Outcome</th>
            <th scope="col" className="hidden md:table-cell md:pr-6">
              Permission
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <EntryRow key={entry.seq} entry={entry} {...rest} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EntryRow({ entry, openSeq, states, onOpen }: Omit<TableProps, 'entries'> & { entry: Entry }) {
  const actor = (
    <>
      {entry.actorName ?? <span className="mono">{shortId(entry.actorId)}</span>}
      {entry.actorKind.toLowerCase() !== 'human' && (
        <span className="ml-2">
          <Chip>{entry.actorKind.toLowerCase()}</Chip>
        </span>
      )}
    </>
  );
  return (
    <tr data-current={openSeq === entry.seq || undefined}>
      <td className="md:pl-6">
        <span className="flex items-center gap-1.5">
          <button
            type="button"
            data-row
            aria-label={`Entry ${entry.seq}`}
            className="num inline-flex h-6 items-center rounded text-muted hover:text-text hover:underline"
            onClick={() => onOpen(entry.seq)}
          >
            {entry.seq}
          </button>
          <Checked state={states?.get(entry.seq)} />
        </span>
      </td>
      <td className="text-muted">
        <RelTime at={entry.occurredAt} />
      </td>
      <td className="hidden whitespace-nowrap sm:table-cell">{actor}</td>
      <td className="py-1 sm:whitespace-nowrap">
        <span className="mono wrap-anywhere">{entry.action}</span>
        <span className="block sm:hidden">{actor}</span>
      </td>
      <td>
        <StateBadge tone={OUTCOME_TONES[entry.outcome]}>{OUTCOME_NAMES[entry.outcome]}</StateBadge>
      </td>
      <td className="mono hidden max-w-72 truncate text-muted md:table-cell md:pr-6">{entry.permission}</td>
    </tr>
  );
}

function Checked({ state }: { state: SegmentState | undefined }) {
  if (!state || state === 'UNCHECKED') return null;
  const isBroken = state === 'BROKEN';
  return (
    <span className={isBroken ? 'text-danger' : 'text-positive'} title={isBroken ? 'Broken' : 'Verified'}>
      <Icon name={isBroken ? 'close' : 'check'} size={12} />
      <span className="sr-only">{isBroken ? 'broken' : 'verified'}</span>
    </span>
  );
}

function shortId(id: string): string {
  return id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}
