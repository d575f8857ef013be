import type { ReactNode } from 'react';
import { lack } from '../../graphql/absence';
import { type AccessDecision, WhoMayDocument, type WhoMayQuery } from '../../graphql/generated/documents';
import { useTenantQuery } from '../../graphql/use-tenant';
import { ErrorPanel, SkeletonRows } from '../../ui/panels';
import { Chip } from '../../ui/state-badge';
import { DecisionBadge } from './decision-badge';

/** Who may do something: by role, capability and scope, and by name for those who may know. */
export function WhoMay({ action }: { action: string }) {
  const query = useTenantQuery(WhoMayDocument, { action });
  const missing = lack(query, 'whoMay');
  if (missing) return <ErrorPanel error={missing} what="Who may" onRetry={() => void query.refetch()} />;
  const who = query.data?.data.whoMay;
  if (!who) return <SkeletonRows columns={['w-24', 'ml-auto w-32']} />;
  const granted = (who.capabilities ?? []).map(({ capability, roles }) => (
    <li key={capability}>
      <Chip isMono>{capability}</Chip> opens it, or more of it, to {(roles ?? []).join(', ')}
    </li>
  ));
  return (
    <section aria-label="Who may" className="flex flex-col gap-5">
      <header>
        <h2 className="text-base font-semibold">Who may</h2>
        <p className="text-muted">
          Rules know it as <code className="mono text-text">{who.group}</code>
        </p>
      </header>
      <Table caption="By role">
        {(who.roles ?? []).map(({ role, decision, condition }) => (
          <Line key={role} name={role} decision={decision} condition={condition} />
        ))}
      </Table>
      {granted.length > 0 && <ul className="flex flex-col gap-1 text-muted">{granted}</ul>}
      {who.members && (
        <Table
          caption="By member"
          more={who.members.hasMore && 'There are more members than are listed here.'}
        >
          {(who.members.nodes ?? []).map(({ member, decision, condition }) => (
            <Line
              key={member?.id}
              name={member?.name ?? member?.id ?? null}
              note={member?.role}
              decision={decision}
              condition={condition}
            />
          ))}
        </Table>
      )}
      <Machines who={who} />
    </section>
  );
}

type Who = NonNullable<WhoMayQuery['whoMay']>;

function Machines({ who }: { who: Who }) {
  const tokens = who.tokens?.nodes ?? [];
  const clients = who.machines?.nodes ?? [];
  return (
    <>
      {who.anyMachine ? (
        <p className="text-muted">Every token and client may, without a scope.</p>
      ) : (who.scopes ?? []).length === 0 ? (
        <p className="text-muted">No token and no client may, whatever its scopes are.</p>
      ) : (
        <Table caption="By scope">
          {(who.scopes ?? []).map(({ scope, decision, condition }) => (
            <Line key={scope} name={scope} isMono decision={decision} condition={condition} />
          ))}
        </Table>
      )}
      {tokens.length > 0 && (
        <Table
          caption="By API token"
          more={who.tokens?.hasMore && 'There are more tokens than are listed here.'}
        >
          {tokens.map(({ token, decision, condition }) => (
            <Line
              key={token?.id}
              name={token?.name ?? null}
              note={token && `…${token.lastFour}`}
              decision={decision}
              condition={condition}
            />
          ))}
        </Table>
      )}
      {clients.length > 0 && (
        <Table
          caption="By client of the provider"
          more={who.machines?.hasMore && 'There are more clients than are listed here.'}
        >
          {clients.map(({ machineId, clientId, name, decision, condition }) => (
            <Line
              key={machineId}
              name={name}
              note={clientId === name ? undefined : clientId}
              decision={decision}
              condition={condition}
            />
          ))}
        </Table>
      )}
    </>
  );
}

function Table({
  caption,
  more,
  children,
}: {
  caption: string;
  more?: string | false | null | undefined;
  children: ReactNode;
}) {
  return (
    <div>
      <table className="ledger">
        <caption className="pb-1 text-left text-xs text-muted">{caption}</caption>
        <tbody>{children}</tbody>
      </table>
      {more && <p className="pt-1 text-xs text-muted">{more}</p>}
    </div>
  );
}

function Line({
  name,
  note,
  isMono = false,
  decision,
  condition,
}: {
  name: string | null;
  note?: string | null | undefined;
  isMono?: boolean;
  decision: AccessDecision | null;
  condition: { readonly words: string | null } | null;
}) {
  return (
    <tr>
      <th scope="row" className="h-auto w-44 border-line py-2 pl-0! text-sm font-medium text-text">
        <span className={isMono ? 'mono' : ''}>{name ?? '–'}</span>
        {note && <span className="font-normal text-muted"> {note}</span>}
      </th>
      <td className="py-2">
        <DecisionBadge decision={decision} condition={condition} />
      </td>
    </tr>
  );
}
