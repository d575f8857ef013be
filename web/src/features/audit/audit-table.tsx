import { type ReactNode, useState } from 'react';
import type { AuditEntriesQuery } from '../../graphql/generated/documents';
import { instantText } from '../../lib/time';
import { CopyButton } from '../../ui/copy-button';
import { Icon } from '../../ui/icon';
import { RelTime } from '../../ui/rel-time';
import { Chip, StateBadge } from '../../ui/state-badge';
import { OUTCOME_NAMES, OUTCOME_TONES } from './names';

type Entry = NonNullable<AuditEntriesQuery['auditEntries']>['nodes'][number];

export function AuditTable({ entries }: { entries: readonly Entry[] }) {
  const [openSeq, setOpenSeq] = useState<number | null>(null);
  return (
    <div className="overflow-x-auto border-t border-line">
      <table className="ledger">
        <caption className="sr-only">Audit entries, newest first</caption>
        <thead>
          <tr>
            <th scope="col" className="md:pl-6">
              Entry
            </th>
            <th scope="col">When</th>
            <th scope="col">Actor</th>
            <th scope="col">Action</th>
            <th scope="col">Outcome</th>
            <th scope="col" className="hidden md:table-cell md:pr-6">
              Permission
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <EntryRows
              key={entry.seq}
              entry={entry}
              isOpen={openSeq === entry.seq}
              onToggle={() => setOpenSeq(openSeq === entry.seq ? null : entry.seq)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EntryRows({ entry, isOpen, onToggle }: { entry: Entry; isOpen: boolean; onToggle: () => void }) {
  return (
    <>
      <tr data-current={isOpen || undefined}>
        <td className="md:pl-6">
          <button
            type="button"
            data-row
            aria-expanded={isOpen}
            aria-label={`Entry ${entry.seq}`}
            className="num inline-flex h-6 items-center gap-1 rounded text-muted hover:text-text"
            onClick={onToggle}
          >
            <span className={isOpen ? 'rotate-180' : ''}>
              <Icon name="chevrons" size={12} />
            </span>
            {entry.seq}
          </button>
        </td>
        <td className="text-muted">
          <RelTime at={entry.occurredAt} />
        </td>
        <td className="whitespace-nowrap">
          {entry.actorName ?? <span className="mono">{shortId(entry.actorId)}</span>}
          {entry.actorKind.toLowerCase() !== 'human' && (
            <span className="ml-2">
              <Chip>{entry.actorKind.toLowerCase()}</Chip>
            </span>
          )}
        </td>
        <td className="mono whitespace-nowrap">{entry.action}</td>
        <td>
          <StateBadge tone={OUTCOME_TONES[entry.outcome]}>{OUTCOME_NAMES[entry.outcome]}</StateBadge>
        </td>
        <td className="mono hidden max-w-72 truncate text-muted md:table-cell md:pr-6">{entry.permission}</td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={6} className="bg-surface px-4! py-4 md:px-6!">
            <EntryDetail entry={entry} />
          </td>
        </tr>
      )}
    </>
  );
}

function Fact({ term, value, children }: { term: string; value?: string; children?: ReactNode }) {
  return (
    <>
      <dt className="pt-0.5 text-muted">{term}</dt>
      <dd className="flex min-w-0 items-start gap-1">
        {children ?? <code className="mono min-w-0 pt-0.5 break-all">{value}</code>}
        {value && <CopyButton text={value} label={`Copy ${term.toLowerCase()}`} />}
      </dd>
    </>
  );
}

function EntryDetail({ entry }: { entry: Entry }) {
  return (
    <div className="grid max-w-[calc(100vw-2rem)] gap-4 lg:grid-cols-2">
      <dl className="grid grid-cols-[110px_minmax(0,1fr)] content-start gap-y-1">
        <Fact term="Time">
          <span className="num pt-0.5">{instantText(entry.occurredAt)}</span>
        </Fact>
        <Fact term="Actor" value={entry.actorId} />
        <Fact term="Permission" value={entry.permission} />
        <Fact term="Request" value={entry.requestId} />
        {entry.source && <Fact term="Source" value={entry.source} />}
        {entry.targets.map((target) => (
          <Fact key={target} term="Target" value={target} />
        ))}
        <Fact term="Hash" value={entry.hash} />
        <Fact term="Previous hash" value={entry.previousHash} />
      </dl>
      <div className="min-w-0">
        <p className="mb-1 text-muted">Payload</p>
        <pre className="mono rounded-md border border-line bg-bg p-3 break-all whitespace-pre-wrap">
          {prettyJson(entry.payload)}
        </pre>
      </div>
    </div>
  );
}

function shortId(id: string): string {
  return id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}

/** The payload as stored, broken into lines. Numbers in it are shown as they stand: it is only laid out anew. */
export function prettyJson(text: string): string {
  let depth = 0;
  let isString = false;
  let out = '';
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (isString) {
      out += char;
      if (char === '\\') {
        i += 1;
        out += text.charAt(i);
      } else if (char === '"') isString = false;
      continue;
    }
    if (char === '"') {
      isString = true;
      out += char;
    } else if (char === '{' || char === '[') {
      const close = char === '{' ? '}' : ']';
      const rest = text.slice(i + 1).trimStart();
      if (rest.startsWith(close)) {
        out += char + close;
        i = text.indexOf(close, i + 1);
      } else {
        depth += 1;
        out += `${char}\n${'  '.repeat(depth)}`;
      }
    } else if (char === '}' || char === ']') {
      depth = Math.max(0, depth - 1);
      out += `\n${'  '.repeat(depth)}${char}`;
    } else if (char === ',') out += `,\n${'  '.repeat(depth)}`;
    else if (char === ':') out += ': ';
    else if (!/\s/.test(char)) out += char;
  }
  return out;
}
