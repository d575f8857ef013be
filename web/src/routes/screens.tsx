import { type ErrorComponentProps, Link, useRouter } from '@tanstack/react-router';
import { useTitle } from '../lib/title';
import { ErrorPanel } from '../ui/panels';

/** For an address that is none, and for one of a tenant that is not this person's: the same words. */
export function NotFoundScreen() {
  useTitle('Not found');
  return (
    <main className="mx-auto flex min-h-[70dvh] max-w-md flex-col justify-center gap-3 p-6">
      <h1 className="text-lg font-semibold">There is no page at this address</h1>
      <p className="text-muted">It may have moved, or it belongs to a tenant that you are not a member of.</p>
      <div>
        <Link to="/" className="button">
          Go to your books
        </Link>
      </div>
    </main>
  );
}

export function ErrorScreen({ error }: ErrorComponentProps) {
  useTitle('Error');
  const router = useRouter();
  return (
    <main className="flex min-h-[70dvh] flex-col justify-center">
      <ErrorPanel error={error} what="This page" onRetry={() => void router.invalidate()} />
    </main>
  );
}

export function WaitScreen() {
  return (
    <main className="p-6">
      <p role="status" className="text-muted">
        Loading…
      </p>
    </main>
  );
}
