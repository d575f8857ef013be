import { PermissionsDocument, type PermissionsQuery } from './generated/documents';
import { useTenantQuery } from './use-tenant';

type Viewer = NonNullable<PermissionsQuery['viewer']>;
export type MutationName = Exclude<
  keyof Viewer,
  'kind' | 'member' | 'explorer' | 'explain' | 'explainOthers' | 'credentials'
>;

/** Why policy refuses an action on a row, or null if it does not or is not known. */
export function refusalOn(
  permission: { readonly isAllowed: boolean; readonly reason: string | null } | null,
): string | null {
  if (!permission || permission.isAllowed) return null;
  return permission.reason ? `You may not do this. ${permission.reason}` : 'You may not do this.';
}

/** Who acts here, and why an action is refused. The server decides; nothing is concluded from a role. */
export function usePermissions() {
  const { data } = useTenantQuery(PermissionsDocument, {}, { staleTime: 60_000 });
  const viewer = data?.data.viewer ?? null;
  return {
    member: viewer?.member ?? null,
    /** Whether documents of one's own are taken, and the schema is shown. */
    mayExplore: viewer?.explorer?.verdict === 'ALLOW',
    /** Whether one learns which rules decide. */
    mayExplain: viewer?.explain?.verdict === 'ALLOW',
    /** Whether one learns what somebody else may. */
    mayExplainOthers: viewer?.explainOthers?.verdict === 'ALLOW',
    /** Whether one sees the credentials at outside providers. */
    maySeeCredentials: viewer?.credentials?.verdict === 'ALLOW',
    /** The reason for which policy refuses the action, or null if it does not or is not known yet. */
    refusal(action: MutationName): string | null {
      const decision = viewer?.[action];
      if (decision?.verdict !== 'DENY') return null;
      const rules = decision.rules?.join(', ');
      return rules
        ? `Your role in this tenant may not do this. Rule: ${rules}`
        : 'Your role in this tenant may not do this.';
    },
  };
}
