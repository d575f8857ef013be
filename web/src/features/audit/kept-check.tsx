import { useState } from 'react';
import { AuditConsistencyDocument } from '../../graphql/generated/documents';
import { RequestError, request } from '../../graphql/request';
import { countText } from '../../lib/numbers';
import { StateBadge, type Tone } from '../../ui/state-badge';
import { Part } from './fact';
import { canVerify } from './use-verification';
import { compareKept, type KeptVerdict } from './verify/kept';

const VERDICTS: Readonly<Record<KeptVerdict, readonly [Tone, (size: string) => string]>> = {
  GOES_ON: [
    'positive',
    (size) => `The log goes on from the ${size} rows that you kept: none of them was changed.`,
  ],
  REWRITTEN: [
    'danger',
    (size) => `The log does not go on from the ${size} rows that you kept: it was rewritten.`,
  ],
  CUT: [
    'danger',
    (size) => `The log is said to be shorter than the ${size} rows that you kept: its end was cut off.`,
  ],
  NOT_OURS: ['warning', () => 'That is no checkpoint that the key of this log signed.'],
  NOT_SIGNED: ['danger', () => 'The newest checkpoint is not signed with the log’s key.'],
  NOT_SUPPORTED: ['warning', () => 'This browser can not verify Ed25519: use the command.'],
};

/** The proof that the server gives; nothing where it says that it has no such checkpoint. */
async function prove(from: number, to: number): Promise<readonly string[] | null> {
  const answer = await request(AuditConsistencyDocument, { from, to });
  const hashes = answer.data.auditConsistencyProof?.hashes;
  const fault = answer.faults[0];
  if (!hashes && fault && fault.code !== 'BAD_USER_INPUT') throw new RequestError(fault);
  return hashes ?? null;
}

/** Holds the log of today to a checkpoint that somebody kept, which is what convicts a server. */
export function KeptCheck({ keyText, newest }: { keyText: string; newest: string }) {
  const [told, setTold] = useState<readonly [Tone, string] | null>(null);
  const compare = async (file: File) => {
    try {
      const [verdict, before] = await compareKept(keyText, await file.text(), newest, prove);
      const [tone, words] = VERDICTS[verdict];
      setTold([tone, words(countText(before?.size ?? 0))]);
    } catch (error) {
      setTold(['warning', `Not compared: ${error instanceof Error ? error.message : String(error)}.`]);
    }
  };
  return (
    <Part
      title="Compare with one that you kept"
      note="A note that you took earlier, or that the server published elsewhere. The file stays in this browser."
    >
      <input
        type="file"
        aria-label="Kept checkpoint"
        className="text-muted file:mr-3 file:h-8 file:rounded-md file:border file:border-strong file:bg-raised file:px-3 file:font-medium file:text-text"
        disabled={!canVerify}
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) void compare(file);
        }}
      />
      <p role="status">{told && <StateBadge tone={told[0]}>{told[1]}</StateBadge>}</p>
    </Part>
  );
}
