import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../lib/session';
import { Icon } from '../../ui/icon';

/** Says why nothing is exported from this session, and how to come to one from which something is. */
export function WithoutFactor() {
  const { data: session } = useQuery(sessionQuery);
  return (
    <div role="alert" className="flex flex-col items-start gap-3">
      <p className="flex items-center gap-2 font-medium">
        <Icon name="lock" />
        An export needs a second factor, and you signed in without one.
      </p>
      <p className="text-muted">
        Sign out, and sign in again with a one-time code, a passkey or a hardware key. Your sign-in provider
        vouches for it; if it offers none, ask whoever runs it.
      </p>
      {session && (
        <a className="button" href={session.logoutUrl}>
          Sign out
        </a>
      )}
    </div>
  );
}

/** Says which rules refuse. */
export function NoExport({ sentences }: { sentences: readonly string[] }) {
  return (
    <div role="alert" className="flex flex-col gap-2">
      <p className="flex items-center gap-2 font-medium">
        <Icon name="lock" />
        You may not export the audit log.
      </p>
      {sentences.map((sentence) => (
        <p key={sentence} className="text-muted">
          {sentence}
        </p>
      ))}
    </div>
  );
}
