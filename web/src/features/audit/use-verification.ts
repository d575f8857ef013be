import { useCallback, useEffect, useRef, useState } from 'react';
import {
  AuditCheckpointsDocument,
  type AuditCheckpointsQuery,
  AuditInclusionDocument,
  AuditRangeDocument,
} from '../../graphql/generated/documents';
import { faultOf, RequestError, request, SWITCHED } from '../../graphql/request';
import { useTenant } from '../../lib/tenant';
import type { Verification } from './segments';
import { type AnchorVerdict, checkAnchor } from './verify/anchor';
import { checkChain, type Range } from './verify/chain';
import type { ChainRow } from './verify/encoding';

/** The most rows that the server gives at a time. */
const PAGE = 500;

export type AuditKey = NonNullable<AuditCheckpointsQuery['auditKey']>;

/** How the range stands to what the server signed. */
export interface Anchoring {
  /** `NONE` where no checkpoint covers any of the rows yet. */
  readonly verdict: AnchorVerdict | 'NONE';
  readonly seq: number | null;
  readonly treeSize: number | null;
  readonly key: AuditKey | null;
}

export type VerificationState =
  | { readonly status: 'IDLE' }
  | { readonly status: 'CHECKING'; readonly range: Range }
  | { readonly status: 'FAILED'; readonly range: Range; readonly error: Error }
  | ({ readonly status: 'DONE'; readonly anchoring: Anchoring } & Verification);

/** Whether this browser can hash: pages that came over an insecure connection may not. */
export const canVerify = typeof crypto !== 'undefined' && crypto.subtle !== undefined;

async function readRows(slug: string, { from, to }: Range, signal: AbortSignal): Promise<ChainRow[]> {
  const rows: ChainRow[] = [];
  for (let first = from; first <= to; first += PAGE) {
    const last = Math.min(to, first + PAGE - 1);
    const variables = { from: first, to: last, first: last - first + 1 };
    const answer = await request(AuditRangeDocument, variables, signal);
    if (answer.data.tenant && answer.data.tenant.slug !== slug) throw new RequestError(SWITCHED);
    if (!answer.data.auditEntries) throw faultOf(answer, 'auditEntries');
    rows.push(...[...answer.data.auditEntries.nodes].reverse());
  }
  return rows;
}

async function anchor(rows: readonly ChainRow[], range: Range, signal: AbortSignal): Promise<Anchoring> {
  const { data } = await request(AuditCheckpointsDocument, { first: 1 }, signal);
  const [key, size] = [data.auditKey, data.auditCheckpoints?.nodes[0]?.treeSize ?? 0];
  const seq = Math.min(range.to, size);
  const row = rows.find((one) => one.seq === seq);
  if (!key?.text || !row) return { verdict: 'NONE', seq: null, treeSize: size || null, key };
  const answer = await request(AuditInclusionDocument, { seq, treeSize: size }, signal);
  const proof = answer.data.auditInclusionProof;
  if (!proof?.checkpoint?.note || !proof.hashes) throw faultOf(answer, 'auditInclusionProof');
  const given = { key: key.text, note: proof.checkpoint.note, hashes: proof.hashes };
  return { verdict: await checkAnchor(row, given), seq, treeSize: size, key };
}

/** Checks a range of the log here in the browser, from the rows themselves. */
export function useVerification() {
  const { id, slug } = useTenant();
  const [state, setState] = useState<VerificationState>({ status: 'IDLE' });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const verify = useCallback(
    async (range: Range) => {
      running.current?.abort();
      const controller = new AbortController();
      running.current = controller;
      setState({ status: 'CHECKING', range });
      try {
        const rows = await readRows(slug, range, controller.signal);
        const checked = await checkChain(id, range, rows);
        const anchoring = await anchor(rows, range, controller.signal);
        const anchored = anchoring.verdict === 'ANCHORED' ? anchoring.seq : null;
        if (!controller.signal.aborted) setState({ status: 'DONE', range, checked, anchored, anchoring });
      } catch (error) {
        if (controller.signal.aborted) return;
        setState({
          status: 'FAILED',
          range,
          error: error instanceof Error ? error : new Error(String(error)),
        });
      }
    },
    [id, slug],
  );
  return { state, verify };
}
