import type { QueryClient } from '@tanstack/react-query';
import { type Session, sessionQuery } from '../lib/session';

interface Answers {
  /** Somebody else is signed in: nothing of the page may stay. */
  readonly onOther: () => void;
  /** Nobody is signed in any more. */
  readonly onNobody: () => void;
}

/**
 * All tabs share one session. A tab that is turned to asks who is signed in, so that it does not go on under one
 * person's name with another's rights and books. Gives the way to stop watching.
 */
export function watchSession(client: QueryClient, { onOther, onNobody }: Answers): () => void {
  // For whom the cache was filled. Who comes back after signing out finds nobody else's answers either.
  let person: string | null = null;
  const said = () => client.getQueryData<Session | null>(sessionQuery.queryKey)?.user.id ?? null;
  const compare = () => {
    const now = said();
    const before = person;
    person = now ?? before;
    if (now !== null && before !== null && now !== before) onOther();
  };
  const turnedTo = async () => {
    if (document.visibilityState === 'hidden' || said() === null) return;
    try {
      const session = await client.fetchQuery({ ...sessionQuery, staleTime: 0 });
      if (session === null) onNobody();
    } catch {
      // No answer says nothing of who is signed in; the next request of the screen tells.
    }
  };
  const heard = () => void turnedTo();
  const unsubscribe = client.getQueryCache().subscribe(({ query, type }) => {
    if (type === 'updated' && query.queryKey[0] === sessionQuery.queryKey[0]) compare();
  });
  addEventListener('focus', heard);
  document.addEventListener('visibilitychange', heard);
  return () => {
    unsubscribe();
    removeEventListener('focus', heard);
    document.removeEventListener('visibilitychange', heard);
  };
}
