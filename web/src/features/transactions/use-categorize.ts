import { type InfiniteData, useMutation, useQueryClient } from '@tanstack/react-query';
import {
  CategorizeTransactionDocument,
  type TransactionDetailQuery,
  type TransactionsQuery,
} from '../../graphql/generated/documents';
import { type Answer, RequestError, request } from '../../graphql/request';
import { sentence } from '../../graphql/user-errors';
import { tenantKey, useTenant } from '../../lib/tenant';
import { showToast } from '../../ui/toasts';

export interface CategoryChoice {
  readonly id: string;
  readonly name: string;
}

interface Change {
  readonly id: string;
  readonly to: CategoryChoice | null;
  readonly from: CategoryChoice | null;
  readonly isUndo?: boolean;
}

/** Puts a transaction in a category: seen at once, taken back if the server refuses, undone on demand. */
export function useCategorize() {
  const { slug } = useTenant();
  const client = useQueryClient();
  const listKey = [...tenantKey, slug, 'Transactions'];
  const detailKey = (id: string) => [...tenantKey, slug, 'TransactionDetail', { id }];

  function show(id: string, category: CategoryChoice | null) {
    client.setQueriesData<InfiniteData<Answer<TransactionsQuery>>>({ queryKey: listKey }, (list) => {
      if (!list) return list;
      const pages = list.pages.map((answer) => {
        const connection = answer.data.transactions;
        if (!connection?.nodes.some((node) => node.id === id)) return answer;
        const nodes = connection.nodes.map((node) => (node.id === id ? { ...node, category } : node));
        return { ...answer, data: { ...answer.data, transactions: { ...connection, nodes } } };
      });
      return { ...list, pages };
    });
    client.setQueryData<Answer<TransactionDetailQuery>>(detailKey(id), (answer) => {
      if (!answer?.data.node) return answer;
      return {
        ...answer,
        data: { node: { ...answer.data.node, category } },
      } as Answer<TransactionDetailQuery>;
    });
  }

  const mutation = useMutation({
    mutationFn: async ({ id, to }: Change) => {
      const answer = await request(CategorizeTransactionDocument, {
        input: { transactionId: id, categoryId: to?.id ?? null },
      });
      const complaint = answer.data.categorizeTransaction?.userErrors[0];
      const message = complaint?.message ?? answer.faults[0]?.message;
      if (message) {
        throw new RequestError({
          code: complaint?.code ?? answer.faults[0]?.code ?? 'INTERNAL_SERVER_ERROR',
          message,
          requestId: answer.requestId,
          rule: answer.faults[0]?.rule ?? null,
          field: null,
        });
      }
    },
    onMutate: async ({ id, to }: Change) => {
      const lists = client.getQueryCache().findAll({ queryKey: listKey });
      // What is loaded for the first time goes on: cancelled, it would leave the page without a list.
      const first = lists.filter(({ state }) => state.data === undefined && state.fetchStatus !== 'idle');
      await client.cancelQueries({ queryKey: listKey, predicate: (query) => !first.includes(query) });
      show(id, to);
      return first.map((query) => query.queryKey);
    },
    onError: (error, { id, from }) => {
      show(id, from);
      showToast({ title: 'The category was not changed', text: sentence(error.message), tone: 'danger' });
    },
    // The list on the screen keeps its row, which may match its filter no more; every other is asked for again when seen.
    onSettled: async (_, __, ___, first = []) => {
      await client.invalidateQueries({ queryKey: listKey, refetchType: 'none' });
      // What was asked for before the change may say what was before it.
      for (const queryKey of first) {
        await client.cancelQueries({ queryKey, exact: true });
        void client.refetchQueries({ queryKey, exact: true, type: 'active' });
      }
    },
    onSuccess: (_, change) => {
      if (change.isUndo) return;
      showToast({
        title: change.to ? `Now in ${change.to.name}` : 'Taken out of its category',
        action: {
          label: 'Undo',
          run: () => mutation.mutate({ id: change.id, to: change.from, from: change.to, isUndo: true }),
        },
      });
    },
  });
  return (id: string, from: CategoryChoice | null, to: CategoryChoice | null) =>
    mutation.mutate({ id, from, to });
}
