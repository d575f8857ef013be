import { countText } from '../../lib/numbers';
import { StateBadge } from '../../ui/state-badge';
import { firstFault } from './segments';
import type { Anchoring, VerificationState } from './use-verification';
import type { CheckedRow, RowFault } from './verify/chain';

const FAULTS: Readonly<Record<RowFault, (seq: number) => string>> = {
  CHANGED: (seq) => `Row ${seq} is not what was recorded: its hash is another one than that of what it says.`,
  UNLINKED: (seq) => `Row ${seq} does not go on from the row before it.`,
  MISSING: (seq) => `Row ${seq} is missing.`,
  MISPLACED: (seq) => `Row ${seq} stands where another belongs.`,
  UNREADABLE: (seq) => `Row ${seq} is of a form that this page can not check.`,
};

/** What came of checking a range, and what that shows. */
export function ChainReport({
  state,
  onOpen,
}: {
  state: Exclude<VerificationState, { status: 'IDLE' }>;
  onOpen: (seq: number) => void;
}) {
  return (
    <div role="status" className="flex flex-col gap-1">
      {state.status === 'FAILED' ? (
        <p>
          <StateBadge tone="warning">Not checked</StateBadge> The rows could not be read:{' '}
          {state.error.message}.
        </p>
      ) : state.status === 'DONE' ? (
        <>
          <Verdict checked={state.checked} fault={firstFault(state.checked)} onOpen={onOpen} />
          <Anchored anchoring={state.anchoring} from={state.range.from} to={state.range.to} />
          <WhatItShows />
        </>
      ) : (
        <p className="text-muted">Reading and hashing…</p>
      )}
    </div>
  );
}

function Verdict({
  checked,
  fault,
  onOpen,
}: {
  checked: readonly CheckedRow[];
  fault: CheckedRow | null;
  onOpen: (seq: number) => void;
}) {
  if (!fault?.fault) {
    return (
      <p>
        <StateBadge tone="positive">Verified</StateBadge> {countText(checked.length)}{' '}
        {checked.length === 1
          ? 'row says what was hashed.'
          : 'rows: each says what was hashed and goes on from the one before.'}
      </p>
    );
  }
  return (
    <p className="flex flex-wrap items-center gap-x-2">
      <StateBadge tone="danger">Broken</StateBadge>
      <strong>{FAULTS[fault.fault](fault.seq)}</strong>
      {fault.fault !== 'MISSING' && (
        <button type="button" className="link" onClick={() => onOpen(fault.seq)}>
          Open row {fault.seq}
        </button>
      )}
    </p>
  );
}

function Anchored({ anchoring, from, to }: { anchoring: Anchoring; from: number; to: number }) {
  const { verdict, seq: row, treeSize, key } = anchoring;
  const size = treeSize === null ? '' : countText(treeSize);
  switch (verdict) {
    case 'ANCHORED':
      return (
        <p>
          <StateBadge tone="positive">Signed</StateBadge> Row {row} is in the checkpoint of {size} rows, and
          with it what it goes on from. Signed by <code className="mono break-all">{key?.name}</code>, key{' '}
          <code className="mono">{key?.keyId}</code>.{' '}
          {row !== null && row < to && 'Later rows are in the next checkpoint.'}
        </p>
      );
    case 'NONE':
      return (
        <p className="text-muted">
          {treeSize === null
            ? 'No checkpoint was signed yet: the server makes one from time to time.'
            : treeSize < from
              ? `The newest checkpoint is of ${size} rows; these come after it.`
              : `The row that the checkpoint of ${size} rows ends with is not here.`}
        </p>
      );
    case 'NOT_SUPPORTED':
      return (
        <p>
          <StateBadge tone="warning">Signature not checked</StateBadge> Row {row} is in the checkpoint of{' '}
          {size} rows. This browser can not verify Ed25519: take the checkpoint and use the command.
        </p>
      );
    case 'NOT_SIGNED':
      return (
        <p>
          <StateBadge tone="danger">Not signed</StateBadge>{' '}
          <strong>The checkpoint of {size} rows is not signed with the log’s key.</strong>
        </p>
      );
    case 'NOT_INCLUDED':
      return (
        <p>
          <StateBadge tone="danger">Contradicted</StateBadge>{' '}
          <strong>
            Row {row} is not the one that the checkpoint of {size} rows was made of.
          </strong>
        </p>
      );
  }
}

function WhatItShows() {
  return (
    <details className="text-muted">
      <summary className="w-fit cursor-pointer hover:text-text">
        What this shows, and what it does not
      </summary>
      <ul className="mt-1 max-w-prose list-disc pl-5">
        <li>
          Each row was hashed here, by this browser, from its fields; whoever changed a word, took a row out
          or put one in would have had to make every later hash anew.
        </li>
        <li>
          That this was not done, the signed checkpoint shows, if you hold the key or an earlier checkpoint
          from before: compare them under Checkpoints. Key and rows come from the same server.
        </li>
        <li>
          Each row’s own signature (HMAC) takes a key that never leaves the server. Whoever runs it checks
          those by <code className="mono">countersign ledger verify</code>.
        </li>
      </ul>
    </details>
  );
}
