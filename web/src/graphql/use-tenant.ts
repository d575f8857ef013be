import {
  keepPreviousData,
  type QueryKey,
  replaceEqualDeep,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useRef } from 'react';
import { tenantKey, useTenant } from '../lib/tenant';
import { useOnce } from '../lib/use-once';
import type { Document } from './document';
import type { Redactions } from './redactions';
import { type Answer, type Fault, faultOf, RequestError, request, SWITCHED } from './request';

export const PAGE_SIZE = 50;

export interface Connection<Node> {
  readonly nodes: readonly Node[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  readonly totalCount?: number | null;
}

/** A row with what policy hid in the answer that brought it. */
export interface Row<Node> {
  readonly node: Node;
  readonly redactions: Redactions;
}

/** Refuses an answer of another tenant: the session may have been switched in another tab meanwhile. */
function checkTenant(data: unknown, slug: string): void {
  const answered = (data as { tenant?: { slug?: string } | null }).tenant?.slug;
  if (answered !== undefined && answered !== slug) {
    throw new RequestError(SWITCHED);
  }
}

export function useTenantQuery<Data, Variables>(
  document: Document<Data, Variables>,
  variables: Variables,
  options: { isEnabled?: boolean; staleTime?: number } = {},
) {
  const { slug } = useTenant();
  return useQuery({
    queryKey: [...tenantKey, slug, document.name, variables],
    queryFn: async ({ signal }): Promise<Answer<Data>> => {
      const answer = await request(document, variables, signal);
      checkTenant(answer.data, slug);
      return answer;
    },
    enabled: options.isEnabled ?? true,
    staleTime: options.staleTime ?? 0,
  });
}

interface PageVariables {
  first: number;
  after?: string | null | undefined;
}

/** A connection, page by page. `field` is the root field that it hangs on. */
export function useTenantList<
  Field extends keyof Data & string,
  Data extends { [K in Field]: Connection<unknown> | null },
  Variables extends PageVariables,
>(document: Document<Data, Variables>, field: Field, variables: Omit<Variables, keyof PageVariables>) {
  type Node = NonNullable<Data[Field]>['nodes'][number];
  const { slug } = useTenant();
  const query = useInfiniteQuery({
    queryKey: [...tenantKey, slug, document.name, variables] as QueryKey,
    queryFn: async ({ signal, pageParam }): Promise<Answer<Data>> => {
      const page = { ...variables, first: PAGE_SIZE, after: pageParam } as unknown as Variables;
      const answer = await request(document, page, signal);
      checkTenant(answer.data, slug);
      if (!answer.data[field]) throw faultOf(answer, field);
      return answer;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => {
      const info = last.data[field]?.pageInfo;
      return info?.hasNextPage ? info.endCursor : null;
    },
    placeholderData: keepPreviousData,
  });
  const rows: Row<Node>[] = (query.data?.pages ?? []).flatMap((answer) =>
    (answer.data[field]?.nodes ?? []).map((node) => ({ node: node as Node, redactions: answer.redactions })),
  );
  return { query, rows, total: query.data?.pages[0]?.data[field]?.totalCount ?? null };
}

/** What the server says to programs of a key that was sent again, as a screen says it. */
const REPEATED: Readonly<Record<string, string>> = {
  IDEMPOTENCY_KEY_IN_USE: 'this is still under way. Try again in a moment',
  IDEMPOTENCY_RESULT_GONE:
    'this was done before, and what the server answered then can not be shown again. Close this and look at the list',
};

function told(fault: Fault): RequestError {
  return new RequestError({ ...fault, message: REPEATED[fault.code] ?? fault.message });
}

/**
 * A mutation; what it changes is asked for again. While it is under way, `mutate` does nothing more. Tried again with the
 * same variables it is sent under the same key: had the first come through unheard, it is not done twice.
 */
export function useTenantMutation<Data, Variables>(
  document: Document<Data, Variables>,
  touches: readonly string[],
) {
  const { id, slug } = useTenant();
  const client = useQueryClient();
  const { begin, end } = useOnce();
  const intent = useRef<{ readonly variables: Variables; readonly key: string } | null>(null);
  const mutation = useMutation({
    mutationFn: async (variables: Variables) => {
      const before = intent.current;
      const isSame = before !== null && replaceEqualDeep(before.variables, variables) === before.variables;
      const meant = isSame ? before : { variables, key: crypto.randomUUID() };
      intent.current = meant;
      try {
        const answer = await request(document, variables, undefined, meant.key, id);
        const fault = answer.faults[0];
        if (fault) throw new RequestError(fault);
        intent.current = null;
        return answer;
      } catch (error) {
        throw error instanceof RequestError ? told(error.fault) : error;
      } finally {
        end();
      }
    },
    onSettled: () =>
      Promise.all(touches.map((name) => client.invalidateQueries({ queryKey: [...tenantKey, slug, name] }))),
  });
  const mutate: typeof mutation.mutate = (...given) => {
    if (begin()) mutation.mutate(...given);
  };
  return { ...mutation, mutate };
}
