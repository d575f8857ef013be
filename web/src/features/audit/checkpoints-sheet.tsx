import { useState } from 'react';
import {
  AuditCheckpointsDocument,
  AuditConsistencyDocument,
  type CheckpointFragment,
} from '../../graphql/generated/documents';
import { faultOf, request } from '../../graphql/request';
import { useTenantQuery } from '../../graphql/use-tenant';
import { countText } from '../../lib/numbers';
import { useTenant } from '../../lib/tenant';
import { Dialog } from '../../ui/dialog';
import { Hash } from '../../ui/hash';
import { ErrorPanel, SkeletonRows } from '../../ui/panels';
import { RelTime } from '../../ui/rel-time';
import { CommandLine } from './command-line';
import { downloadText } from './download';
import { Fact, Part } from './fact';
import { KeptCheck } from './kept-check';
import type { AuditKey } from './use-verification';

const SHOWN = 20;

/** What the server said of the log, signed: to be kept elsewhere, with the key that verifies it. */
export function CheckpointsSheet({ onClose }: { onClose: () => void }) {
  const { data, error, isPending, refetch } = useTenantQuery(AuditCheckpointsDocument, { first: SHOWN });
  const checkpoints = data?.data.auditCheckpoints?.nodes ?? [];
  const key = data?.data.auditKey ?? null;
  return (
    <Dialog
      isOpen
      onClose={onClose}
      isSheet
      isWide
      title="Checkpoints"
      description="Keep one elsewhere: whoever cuts or rewrites the log before it contradicts it."
    >
      {error ? (
        <ErrorPanel error={error} what="Checkpoints" onRetry={() => void refetch()} />
      ) : isPending ? (
        <SkeletonRows columns={['w-20', 'w-40', 'w-24']} />
      ) : checkpoints.length === 0 ? (
        <p className="text-muted">None was signed yet: the server makes one from time to time.</p>
      ) : (
        <>
          {key && <Key of={key} />}
          <Signed checkpoints={checkpoints} />
          {key?.text && checkpoints[0]?.note && <KeptCheck keyText={key.text} newest={checkpoints[0].note} />}
        </>
      )}
    </Dialog>
  );
}

function Key({ of: key }: { of: AuditKey }) {
  const { slug } = useTenant();
  return (
    <Part
      title="The log’s key"
      note="It verifies checkpoints, proofs and exports, and it stays the same. Keep it, and compare its fingerprint with what whoever runs the server tells you by another way."
    >
      <dl>
        <Fact term="Name" value={key.name ?? ''} />
        <Fact term="Key id" value={key.keyId ?? ''} />
        <Fact term="Fingerprint" value={key.fingerprint ?? ''} />
      </dl>
      <button
        type="button"
        className="button self-start"
        onClick={() => downloadText(`${slug}.vkey`, `${key.text}\n`)}
      >
        Download key
      </button>
    </Part>
  );
}

function Signed({ checkpoints }: { checkpoints: readonly CheckpointFragment[] }) {
  const { slug } = useTenant();
  const [told, setTold] = useState<{ command: string } | { fault: string } | null>(null);
  const newest = checkpoints[0]?.treeSize;
  const prove = async (from: number) => {
    try {
      const answer = await request(AuditConsistencyDocument, { from, to: newest ?? null });
      const file = answer.data.auditConsistencyProof?.file;
      if (!file) throw faultOf(answer, 'auditConsistencyProof');
      const name = `${slug}-since-${from}.json`;
      downloadText(name, file);
      setTold({ command: `countersign ledger verify --proof ${name} --key ${slug}.vkey` });
    } catch (error) {
      setTold({ fault: error instanceof Error ? error.message : String(error) });
    }
  };
  return (
    <Part
      title="Signed"
      note={`The newest ${checkpoints.length}. Of an earlier one, a proof shows that the newest goes on where it ended.`}
    >
      <table className="ledger">
        <caption className="sr-only">Checkpoints, newest first</caption>
        <thead>
          <tr>
            <th scope="col" className="pl-0! text-right">
              Rows
            </th>
            <th scope="col">Root</th>
            <th scope="col">Signed</th>
            <th scope="col" className="pr-0! text-right">
              Take
            </th>
          </tr>
        </thead>
        <tbody>
          {checkpoints.map(({ treeSize, rootHash, note, madeAt }) => (
            <tr key={treeSize}>
              <td className="num pl-0! text-right">{treeSize !== null && countText(treeSize)}</td>
              <td>
                {rootHash && <Hash value={rootHash} label={`root of ${countText(treeSize ?? 0)} rows`} />}
              </td>
              <td className="text-muted">{madeAt && <RelTime at={madeAt} />}</td>
              <td className="flex flex-wrap items-center justify-end gap-x-3 pr-0!">
                <button
                  type="button"
                  className="link"
                  aria-label={`Note of ${countText(treeSize ?? 0)} rows`}
                  onClick={() => downloadText(`${slug}-${treeSize}.checkpoint`, note ?? '')}
                >
                  Note
                </button>
                {treeSize !== null && treeSize !== newest && (
                  <button
                    type="button"
                    className="link"
                    aria-label={`Proof that the newest goes on from ${countText(treeSize)} rows`}
                    onClick={() => void prove(treeSize)}
                  >
                    Proof
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div role="status">
        {told && 'fault' in told && <p className="text-danger">No proof: {told.fault}.</p>}
        {told && 'command' in told && <CommandLine text={told.command} />}
      </div>
    </Part>
  );
}
