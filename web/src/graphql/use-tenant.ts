import {
  keepPreviousData,
  type QueryKey,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { tenantKey, useTenant } from '../lib/tenant';
import type { Document } from './document';
import type { Redactions } from './redactions';
import { type Answer, faultOf, RequestError, request, SWITCHED } from './request';

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

/** Faults after which nothing that was loaded before may go on being shown. */
const PUTS_AWAY = new Set(['FORBIDDEN', 'UNAUTHENTICATED', SWITCHED.code]);

/** Why a list is not there, or null where it is: one that was loaded stays if asking again just fails. */
export function absence(query: { error: Error | null; data: unknown }): Error | null {
  const { error, data } = query;
  const isPutAway = error instanceof RequestError && PUTS_AWAY.has(error.fault.code);
  return data === undefined || isPutAway ? error : null;
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

/** A mutation; what it changes is asked for again. */
export function useTenantMutation<Data, Variables>(
  document: Document<Data, Variables>,
  touches: readonly string[],
) {
  const { slug } = useTenant();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (variables: Variables) => {
      const answer = await request(document, variables);
      const fault = answer.faults[0];
      if (fault) throw new RequestError(fault);
      return answer;
    },
    onSettled: () =>
      Promise.all(touches.map((name) => client.invalidateQueries({ queryKey: [...tenantKey, slug, name] }))),
  });
}
