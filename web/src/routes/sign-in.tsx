import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { sentence } from '../graphql/user-errors';
import { loginUrl, signInFault } from '../lib/session';
import { useTitle } from '../lib/title';
import { useOnce } from '../lib/use-once';
import { Icon } from '../ui/icon';

const route = getRouteApi('/sign-in');

const ERRORS: Readonly<Record<string, string>> = {
  provider_unavailable:
    'The sign-in provider does not answer. People who are signed in keep working; try again shortly.',
  unavailable: 'Countersign can not sign anybody in at the moment. Try again shortly.',
  access_denied: 'The sign-in provider did not let you in.',
  expired: 'The sign-in took too long, or was begun in another browser. Start again.',
  email_unverified:
    'The sign-in provider does not vouch for your e-mail address. Confirm it there, then sign in.',
  email_taken: 'Your e-mail address belongs to another identity here. Ask your administrator.',
  failed: 'The sign-in did not come to a good end. Start again.',
};

export function SignInPage() {
  const { returnUrl = '/', error } = route.useSearch();
  useTitle('Sign in');
  const [isBusy, setBusy] = useState(false);
  const { begin, end } = useOnce();
  const told = error === undefined ? null : (ERRORS[error] ?? 'The sign-in did not work. Try again.');
  const [fault, setFault] = useState(told);

  async function signIn() {
    if (!begin()) return;
    setBusy(true);
    setFault(null);
    const found = await signInFault(returnUrl);
    if (found !== null) {
      setFault(sentence(found));
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
      {fault && (
        <div role="alert" className="flex gap-2 rounded-md border border-danger p-3">
          <span className="mt-0.5 text-danger">
            <Icon name="alert" />
          </span>
          <p>{fault}</p>
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
