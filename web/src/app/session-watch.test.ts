import { QueryClient } from '@tanstack/react-query';
import { afterEach, expect, test, vi } from 'vitest';
import { type Session, sessionQuery } from '../lib/session';
import { watchSession } from './session-watch';

let stop = () => {};

afterEach(() => {
  stop();
  vi.unstubAllGlobals();
});

const session = (id: string): Session => ({
  user: { id, name: id, email: `${id}@example.com` },
  tenants: [],
  activeTenant: null,
  sessionExpiresAt: '2026-12-01T00:00:00Z',
  logoutUrl: '/bff/logout',
});

function watch(answer: () => Promise<Response>) {
  const fetched = vi.fn(answer);
  vi.stubGlobal('fetch', fetched);
  const client = new QueryClient();
  const heard = { onOther: vi.fn(), onNobody: vi.fn() };
  stop = watchSession(client, heard);
  client.setQueryData<Session | null>(sessionQuery.queryKey, session('anna'));
  return { client, fetched, ...heard };
}

const answers =
  (body: object, status = 200) =>
  async () =>
    new Response(JSON.stringify(body), { status });

test('a tab that is turned to finds that somebody else signed in', async () => {
  const { onOther, onNobody } = watch(answers(session('bela')));
  expect(onOther).not.toHaveBeenCalled();
  dispatchEvent(new Event('focus'));
  await vi.waitFor(() => expect(onOther).toHaveBeenCalledOnce());
  expect(onNobody).not.toHaveBeenCalled();
});

test('somebody else is also noticed where the session was asked for otherwise, and after signing out', () => {
  const { client, onOther } = watch(answers({}));
  client.setQueryData<Session | null>(sessionQuery.queryKey, null);
  expect(onOther).not.toHaveBeenCalled();
  client.setQueryData<Session | null>(sessionQuery.queryKey, session('bela'));
  expect(onOther).toHaveBeenCalledOnce();
});

test('the same person goes on, and no answer changes nothing', async () => {
  const { client, fetched, onOther, onNobody } = watch(answers({ ...session('anna'), activeTenant: 'b' }));
  dispatchEvent(new Event('focus'));
  await vi.waitFor(() => expect(client.getQueryData(sessionQuery.queryKey)?.activeTenant).toBe('b'));
  fetched.mockRejectedValue(new TypeError('Failed to fetch'));
  document.dispatchEvent(new Event('visibilitychange'));
  await vi.waitFor(() => expect(client.isFetching()).toBe(0));
  expect(fetched).toHaveBeenCalledTimes(2);
  expect(client.getQueryData(sessionQuery.queryKey)?.user.id).toBe('anna');
  expect(onOther).not.toHaveBeenCalled();
  expect(onNobody).not.toHaveBeenCalled();
});

test('a tab that is turned to finds that nobody is signed in any more', async () => {
  const { onOther, onNobody } = watch(answers({}, 401));
  dispatchEvent(new Event('focus'));
  await vi.waitFor(() => expect(onNobody).toHaveBeenCalledOnce());
  expect(onOther).not.toHaveBeenCalled();
});
