import type { SessionTenant } from '../lib/session';
import { useTitle } from '../lib/title';

/** Stands in a tab whose tenant was put away: another tab switched the session to `slug`. */
export function Elsewhere({
  tenant,
  slug,
  tenants,
}: {
  tenant: SessionTenant;
  slug: string;
  tenants: readonly SessionTenant[];
}) {
  useTitle(`${tenant.name} was put away`);
  const other = tenants.find((one) => one.slug === slug);
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-4 p-6">
      <h1 className="text-lg font-semibold">Another tab switched to {other?.name ?? slug}</h1>
      <p className="text-muted">
        A session works in one tenant at a time, so this tab has put {tenant.name} away.
      </p>
      <div className="flex flex-wrap gap-2">
        <button type="button" className="button" data-kind="primary" onClick={() => location.reload()}>
          Go back to {tenant.name}
        </button>
        {other && (
          <button
            type="button"
            className="button"
            onClick={() => location.assign(`/t/${encodeURIComponent(other.slug)}/transactions`)}
          >
            Open {other.name} here
          </button>
        )}
      </div>
    </main>
  );
}
