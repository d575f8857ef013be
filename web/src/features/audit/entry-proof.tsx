import { useEffect, useState } from 'react';
import {
  AuditCheckpointsDocument,
  AuditInclusionDocument,
  type AuditInclusionQuery,
} from '../../graphql/generated/documents';
import { faultOf, RequestError, request, SWITCHED } from '../../graphql/request';
import { countText } from '../../lib/numbers';
import { useTenant } from '../../lib/tenant';
import { StateBadge } from '../../ui/state-badge';
import { CommandLine } from './command-line';
import { downloadText } from './download';
import type { EntryDetail } from './entry-sheet';
import { Fact, Part } from './fact';
import { type AuditKey, canVerify } from './use-verification';
import { type AnchorVerdict, checkAnchor } from './verify/anchor';
import { isWhatWasHashed } from './verify/chain';

type Proof = NonNullable<AuditInclusionQuery['auditInclusionProof']>;

interface Proved {
  readonly proof: Proof;
  readonly key: AuditKey;
  readonly verdict: AnchorVerdict;
}

/** The entry's place in the chain: its hashes, and the proof that a signed checkpoint has it. */
export function EntryProof({ entry }: { entry: EntryDetail }) {
  return (
    <Part title="Place in the chain">
      <dl>
        <Fact term="This browser">
          <OwnHash entry={entry} />
        </Fact>
        <Fact term="Hash" value={entry.hash} />
        <Fact term="Previous hash" value={entry.previousHash} />
        <Fact term="Signature" value={entry.signature} />
        <Fact term="Encoding">
          <span className="num">Version {entry.encoding}</span>
        </Fact>
      </dl>
      <ProveButton key={entry.seq} entry={entry} />
    </Part>
  );
}

/** Whether the hash is that of what the entry says, computed here. */
function OwnHash({ entry }: { entry: EntryDetail }) {
  const { id } = useTenant();
  const [isWhole, setWhole] = useState<boolean | null>(null);
  useEffect(() => {
    if (!canVerify) return;
    let isHere = true;
    isWhatWasHashed(id, entry).then(
      (is) => isHere && setWhole(is),
      () => isHere && setWhole(false),
    );
    return () => {
      isHere = false;
    };
  }, [id, entry]);
  if (isWhole === null) return <StateBadge tone="plain">Not checked</StateBadge>;
  return isWhole ? (
    <StateBadge tone="positive">It says what was hashed</StateBadge>
  ) : (
    <StateBadge tone="danger">It does not say what was hashed</StateBadge>
  );
}

async function prove(entry: EntryDetail, slug: string): Promise<Proved> {
  const answer = await request(AuditInclusionDocument, { seq: entry.seq, treeSize: null });
  if (answer.data.tenant && answer.data.tenant.slug !== slug) throw new RequestError(SWITCHED);
  const proof = answer.data.auditInclusionProof;
  if (!proof?.checkpoint?.note || !proof.hashes) throw faultOf(answer, 'auditInclusionProof');
  const kept = await request(AuditCheckpointsDocument, { first: 1 });
  const key = kept.data.auditKey;
  if (!key?.text) throw faultOf(kept, 'auditKey');
  const given = { key: key.text, note: proof.checkpoint.note, hashes: proof.hashes };
  return { proof, key, verdict: await checkAnchor(entry, given) };
}

const VERDICTS: Readonly<Record<AnchorVerdict, { tone: 'positive' | 'danger' | 'warning'; words: string }>> =
  {
    ANCHORED: { tone: 'positive', words: 'In a checkpoint that the log’s key signed' },
    NOT_SIGNED: { tone: 'danger', words: 'The checkpoint is not signed with the log’s key' },
    NOT_INCLUDED: { tone: 'danger', words: 'This is not the row that the checkpoint was made of' },
    NOT_SUPPORTED: { tone: 'warning', words: 'In the checkpoint; this browser can not verify Ed25519' },
  };

function ProveButton({ entry }: { entry: EntryDetail }) {
  const { slug } = useTenant();
  const [isBusy, setBusy] = useState(false);
  const [proved, setProved] = useState<Proved | Error | null>(null);
  const ask = async () => {
    setBusy(true);
    try {
      setProved(await prove(entry, slug));
    } catch (error) {
      setProved(error instanceof Error ? error : new Error(String(error)));
    }
    setBusy(false);
  };
  return (
    <div role="status" className="flex flex-col gap-2">
      {proved === null || proved instanceof Error ? (
        <>
          {proved && <p className="text-danger">No proof: {proved.message}.</p>}
          <button
            type="button"
            className="button self-start"
            aria-busy={isBusy}
            aria-disabled={isBusy || !canVerify}
            onClick={() => !isBusy && canVerify && void ask()}
          >
            {isBusy ? 'Proving…' : 'Prove that a signed checkpoint has it'}
          </button>
        </>
      ) : (
        <Told entry={entry} slug={slug} proved={proved} />
      )}
    </div>
  );
}

function Told({
  entry,
  slug,
  proved: { proof, key, verdict },
}: {
  entry: EntryDetail;
  slug: string;
  proved: Proved;
}) {
  const { tone, words } = VERDICTS[verdict];
  const name = `${slug}-row-${entry.seq}.json`;
  return (
    <>
      <p>
        <StateBadge tone={tone}>{words}</StateBadge>
      </p>
      <dl>
        <Fact term="Checkpoint">
          <span className="num">{countText(proof.checkpoint?.treeSize ?? 0)} rows</span>
        </Fact>
        <Fact term="Key" value={key.name ?? ''} />
        <Fact term="Fingerprint" value={key.fingerprint ?? ''} />
      </dl>
      <p className="text-muted">
        The key came from the server that the row came from. Compare its fingerprint with the one you kept;
        then the same can be checked anywhere, without this server:
      </p>
      <p className="flex flex-wrap gap-2">
        <button type="button" className="button" onClick={() => downloadText(name, proof.file ?? '')}>
          Download proof
        </button>
        <button
          type="button"
          className="button"
          onClick={() => downloadText(`${slug}.vkey`, `${key.text}\n`)}
        >
          Download key
        </button>
      </p>
      <CommandLine text={`countersign ledger verify --proof ${name} --key ${slug}.vkey`} />
    </>
  );
}
