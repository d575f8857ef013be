import { MemberNamesDocument, type ReachFragment } from '../../graphql/generated/documents';
import { usePermissions } from '../../graphql/use-permissions';
import { useTenantQuery } from '../../graphql/use-tenant';
import type { AccessSearch } from '../../lib/filters';
import { Icon } from '../../ui/icon';
import { Lacking } from '../../ui/panels';
import { byType } from './names';

/** What is asked about: an action, of whom, and of which row. */
export function AccessBar({
  search,
  actions,
  onChange,
}: {
  search: AccessSearch;
  actions: readonly ReachFragment[];
  onChange: (change: { [K in keyof AccessSearch]: AccessSearch[K] | undefined }) => void;
}) {
  const { mayExplainOthers, member: me } = usePermissions();
  const members = useTenantQuery(MemberNamesDocument, {}, { isEnabled: mayExplainOthers });
  const others = (members.data?.data.members?.nodes ?? []).filter(({ id }) => id !== me?.id);
  return (
    <search aria-label="What is asked" className="flex flex-wrap gap-2 px-4 pb-4 md:px-6">
      <select
        className="field w-auto max-w-full"
        aria-label="Action"
        value={search.action ?? ''}
        // A row is of one type, and another action may be of another.
        onChange={(event) => onChange({ action: event.target.value || undefined, node: undefined })}
      >
        <option value="">Every action</option>
        {byType(actions).map(([type, of]) => (
          <optgroup key={type} label={type}>
            {of.map(({ action }) => (
              <option key={action} value={action ?? ''}>
                {action}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
      {mayExplainOthers && (
        <select
          className="field w-auto max-w-full"
          aria-label="Of whom"
          value={search.member ?? ''}
          onChange={(event) => onChange({ member: event.target.value || undefined })}
        >
          <option value="">Yourself</option>
          {others.map(({ id, name }) => (
            <option key={id} value={id}>
              {name ?? id}
            </option>
          ))}
        </select>
      )}
      <Lacking query={members} field="members" what="Members" />
      {search.node && (
        <button
          type="button"
          className="button"
          title="Ask before any row"
          onClick={() => onChange({ node: undefined })}
        >
          <span className="sr-only">Leave out the row </span>
          <code className="mono max-w-40 truncate sm:max-w-none">{search.node}</code>
          <Icon name="close" size={12} />
        </button>
      )}
    </search>
  );
}
