import type { AccessDecision } from '../../graphql/generated/documents';
import { StateBadge } from '../../ui/state-badge';
import { DECISION_ICONS, DECISION_NAMES, DECISION_TONES } from './names';

/** What the policies say, and on which rows where it depends on them. */
export function DecisionBadge({
  decision,
  condition,
}: {
  decision: AccessDecision | null;
  condition?: { readonly words: string | null } | null;
}) {
  if (!decision) return <span className="text-muted">–</span>;
  return (
    <span className="inline-flex flex-wrap items-center gap-x-2">
      <StateBadge tone={DECISION_TONES[decision]} icon={DECISION_ICONS[decision]}>
        {DECISION_NAMES[decision]}
      </StateBadge>
      {condition?.words && <span className="text-muted">{condition.words}</span>}
    </span>
  );
}
