import { type ReactNode, useId, useState } from 'react';
import { lack } from '../../graphql/absence';
import { AuditHeadDocument } from '../../graphql/generated/documents';
import type { DateTime } from '../../graphql/scalars';
import { useTenantQuery } from '../../graphql/use-tenant';
import { countText } from '../../lib/numbers';
import { Hash } from '../../ui/hash';
import { Icon } from '../../ui/icon';
import { Lacking } from '../../ui/panels';
import { RelTime } from '../../ui/rel-time';
import { ChainReport } from './chain-report';
import { countRows, meantRange, RANGE_MAX, rowStates, type SegmentState, segments } from './segments';
import { canVerify, type VerificationState } from './use-verification';
import type { Range } from './verify/chain';

const SEGMENTS_MAX = 100;

interface Head {
  readonly seq: number;
  readonly hash: string;
  readonly occurredAt: DateTime;
}

interface StripProps {
  /** The rows of the list, from the oldest to the newest. */
  readonly shown: Range | null;
  /** The newest entry of the list, which may be newer than the head that was asked for. */
  readonly newest: Head | undefined;
  readonly state: VerificationState;
  readonly onVerify: (range: Range) => void;
  readonly onOpen: (seq: number) => void;
  readonly children?: ReactNode;
}

/** The head of the chain, and a range of it that this browser checks from the rows themselves. */
export function ChainStrip({ shown, newest, state, onVerify, onOpen, children }: StripProps) {
  const query = useTenantQuery(AuditHeadDocument, {}, { staleTime: 5_000 });
  const asked = query.data?.data.auditEntries?.nodes[0];
  const head = newest && newest.seq > (asked?.seq ?? 0) ? newest : asked;
  return (
    <section
      aria-label="Chain head"
      className="mx-4 mb-3 flex flex-col gap-2 rounded-md border border-line bg-surface px-3 py-2 md:mx-6"
    >
      <div className="flex flex-wrap items-center gap-x-6 gap-y-1">
        <span className="flex items-center gap-1.5 font-medium">
          <Icon name="link" />
          Chain head
        </span>
        {head ? (
          <>
            <span className="num">
              <span className="text-muted">Entry</span> {head.seq}
            </span>
            <span className="flex items-center gap-1.5">
              <span className="text-muted">SHA-256</span>
              <Hash value={head.hash} label="hash of the chain head" />
            </span>
            <span className="text-muted">
              <RelTime at={head.occurredAt} />
            </span>
          </>
        ) : lack(query, 'auditEntries') ? (
          <Lacking query={query} field="auditEntries" what="The head" />
        ) : (
          <span className="text-muted">{query.data ? 'No entries yet' : 'Loading…'}</span>
        )}
        <span className="ml-auto flex flex-wrap items-center gap-2">{children}</span>
      </div>
      {shown && head && (
        <RangeCheck shown={shown} last={head.seq} state={state} onVerify={onVerify} onOpen={onOpen} />
      )}
    </section>
  );
}

interface Chosen {
  readonly from: string;
  readonly to: string;
  /** It went beyond the end of the log, and was cut there. */
  readonly isCut?: boolean;
}

function RangeCheck({
  shown,
  last,
  state,
  onVerify,
  onOpen,
}: Pick<StripProps, 'state' | 'onVerify' | 'onOpen'> & { shown: Range; last: number }) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const note = useId();
  const from = chosen?.from ?? String(Math.max(shown.from, shown.to - RANGE_MAX + 1));
  const to = chosen?.to ?? String(shown.to);
  const range = meantRange(Number(from), Number(to), last);
  const isCut = Number(to) > last || (chosen?.isCut === true && Number(to) === last);
  const isBusy = state.status === 'CHECKING';
  const isSame = state.status !== 'IDLE' && state.range.from === range?.from && state.range.to === range?.to;
  const states = state.status === 'DONE' && isSame ? rowStates(state) : null;
  return (
    <>
      <form
        className="flex flex-wrap items-center gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (!range || !canVerify || isBusy) return;
          // The list goes on growing; what was checked stays what it was.
          setChosen({ from, to: String(range.to), isCut });
          onVerify(range);
        }}
      >
        <span>Rows</span>
        <RowNumber label="First row" value={from} onChange={(next) => setChosen({ from: next, to })} />
        <span className="text-muted">to</span>
        <RowNumber label="Last row" value={to} onChange={(next) => setChosen({ from, to: next })} />
        <button
          type="submit"
          className="button"
          aria-busy={isBusy}
          aria-disabled={!range || !canVerify || isBusy}
          aria-describedby={note}
        >
          <Icon name="shield" />
          {isBusy ? 'Verifying…' : 'Verify in this browser'}
        </button>
        {chosen && (chosen.from !== String(shown.from) || chosen.to !== String(shown.to)) && (
          <button type="button" className="link" onClick={() => setChosen(null)}>
            All that is shown
          </button>
        )}
        <span id={note} className="text-xs text-muted">
          {isCut && `The log ends with row ${last}. `}
          {!canVerify
            ? 'This browser hashes nothing on a page that came over an insecure connection.'
            : range
              ? 'Every row is hashed anew here, from what it says.'
              : `From row 1 on, and at most ${countText(RANGE_MAX)} rows.`}
        </span>
      </form>
      {range && <Strip range={range} states={states} />}
      {state.status !== 'IDLE' && isSame && <ChainReport state={state} onOpen={onOpen} />}
    </>
  );
}

function RowNumber({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <input
      type="number"
      min={1}
      className="field num w-28!"
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

/** Height and fill say it as well as the colour does. */
const LOOKS: Readonly<Record<SegmentState, string>> = {
  UNCHECKED: 'h-1 bg-strong/40',
  VERIFIED: 'h-3 bg-positive/50',
  ANCHORED: 'h-5 bg-positive',
  BROKEN: 'h-6 border border-danger hatch',
};

const WORDS: Readonly<Record<SegmentState, string>> = {
  UNCHECKED: 'not checked',
  VERIFIED: 'verified',
  ANCHORED: 'verified and in a signed checkpoint',
  BROKEN: 'broken',
};

const ORDER: readonly SegmentState[] = ['BROKEN', 'UNCHECKED', 'VERIFIED', 'ANCHORED'];

function Strip({ range, states }: { range: Range; states: ReadonlyMap<number, SegmentState> | null }) {
  const found = segments(range, states, SEGMENTS_MAX);
  // Of the rows themselves: a segment of several is as its worst.
  const counted = countRows(range, states);
  const counts = ORDER.map((state) => ({ state, rows: counted.get(state) ?? 0 })).filter(
    ({ rows }) => rows > 0,
  );
  const label = counts.map(({ state, rows }) => `${countText(rows)} ${WORDS[state]}`).join(', ');
  return (
    <div>
      <div
        role="img"
        aria-label={`Rows ${range.from} to ${range.to}: ${label}`}
        className="flex h-6 items-end gap-px"
      >
        {found.map((one) => (
          <span
            key={one.from}
            data-state={one.state}
            title={`${one.from === one.to ? `Row ${one.from}` : `Rows ${one.from} to ${one.to}`}: ${WORDS[one.state]}`}
            className={`min-w-px flex-1 rounded-[1px] ${LOOKS[one.state]}`}
          />
        ))}
      </div>
      <p className="num mt-1 flex flex-wrap gap-x-4 text-xs text-muted" aria-hidden="true">
        {counts.map(({ state, rows }) => (
          <span key={state} className="inline-flex items-center gap-1.5">
            <span className={`inline-block w-2 rounded-[1px] ${LOOKS[state]}`} />
            {countText(rows)} {WORDS[state]}
          </span>
        ))}
      </p>
    </div>
  );
}
