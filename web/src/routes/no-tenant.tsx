import { getRouteApi } from '@tanstack/react-router';
import { useTitle } from '../lib/title';

const route = getRouteApi('/no-tenant');

export function NoTenantPage() {
  useTitle('No tenant yet');
  const { session } = route.useRouteContext();
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-md flex-col justify-center gap-4 p-6">
      <h1 className="text-lg font-semibold">No tenant yet</h1>
      <p className="text-base text-muted">
        You are signed in as <strong className="font-semibold text-text">{session.user.email}</strong>, but no
        company has made you a member. Ask an owner or admin there to invite this address.
      </p>
      <div className="flex gap-2">
        <button type="button" className="button" data-kind="primary" onClick={() => location.assign('/')}>
          Check again
        </button>
        <a className="button" href={session.logoutUrl}>
          Sign out
        </a>
      </div>
    </main>
  );
}
