import { MutationObserver, onlineManager } from '@tanstack/react-query';
import { afterEach, expect, test, vi } from 'vitest';
import type { Document } from '../graphql/document';
import { request } from '../graphql/request';
import { queryClient } from './query-client';

const document = { id: 'sha256:1', name: 'Rows' } as Document<unknown, object>;

afterEach(() => {
  onlineManager.setOnline(true);
  queryClient.clear();
  vi.unstubAllGlobals();
});

function goOffline() {
  onlineManager.setOnline(false);
  const fetched = vi.fn(() => Promise.reject(new TypeError('Failed to fetch')));
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

test('what is done offline fails at once, and is not done later', async () => {
  const fetched = goOffline();
  const mutation = new MutationObserver(queryClient, { mutationFn: () => request(document, {}) });
  await expect(mutation.mutate()).rejects.toThrow('the server could not be reached');
  onlineManager.setOnline(true);
  await queryClient.resumePausedMutations();
  expect(fetched).toHaveBeenCalledOnce();
});

test('what is read offline does not hang', async () => {
  goOffline();
  const read = queryClient.fetchQuery({
    queryKey: ['rows'],
    queryFn: () => request(document, {}),
    retry: false,
  });
  await expect(read).rejects.toThrow('the server could not be reached');
});
