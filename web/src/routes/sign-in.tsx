import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { isProviderAway, loginUrl } from '../lib/session';
import { useTitle } from '../lib/title';
import { useOnce } from '../lib/use-once';
import { Icon } from '../ui/icon';

const route = getRouteApi('/sign-in');

const ERRORS: Readonly<Record<string, string>> = {
  provider_unavailable:
    'The sign-in provider does not answer. People who are signed in keep working; try again shortly.',
  access_denied: 'The sign-in provider did not let you in.',
  expired: 'The sign-in took too long. Start again.',
};

export function SignInPage() {
  const { returnUrl = '/', error } = route.useSearch();
  useTitle('Sign in');
  const [isBusy, setBusy] = useState(false);
  const { begin, end } = useOnce();
  const [code, setCode] = useState(error ?? null);

  async function signIn() {
    if (!begin()) return;
    setBusy(true);
    setCode(null);
    if (await isProviderAway(returnUrl)) {
      setCode('provider_unavailable');
      setBusy(false);
      end();
      return;
    }
    location.assign(loginUrl(returnUrl));
  }

  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-sm flex-col justify-center gap-6 p-6">
      <div className="flex items-center gap-3">
        <img src="/icon.svg" alt="" width={36} height={36} />
        <h1 className="text-xl font-semibold">Countersign</h1>
      </div>
      <p className="text-base text-muted">
        {returnUrl === '/'
          ? 'The books of your companies. Sign in with your organisation’s account.'
          : 'You are signed out. Sign in to go back to where you were.'}
      </p>
      {code && (
        <div role="alert" className="flex gap-2 rounded-md border border-danger p-3">
          <span className="mt-0.5 text-danger">
            <Icon name="alert" />
          </span>
          <p>{ERRORS[code] ?? 'The sign-in did not work. Try again.'}</p>
        </div>
      )}
      <button
        type="button"
        className="button h-10 text-base"
        data-kind="primary"
        aria-busy={isBusy}
        onClick={() => void signIn()}
      >
        Sign in
      </button>
    </main>
  );
}
