import type { AccessCustodian, AccessDecision } from '../../graphql/generated/documents';
import type { IconName } from '../../ui/icon';
import type { Tone } from '../../ui/state-badge';

export const DECISION_NAMES: Readonly<Record<AccessDecision, string>> = {
  ALLOWED: 'Allowed',
  REFUSED: 'Refused',
  DEPENDS_ON_ROW: 'Some rows',
};

export const DECISION_TONES: Readonly<Record<AccessDecision, Tone>> = {
  ALLOWED: 'positive',
  REFUSED: 'danger',
  DEPENDS_ON_ROW: 'info',
};

export const DECISION_ICONS: Readonly<Record<AccessDecision, IconName>> = {
  ALLOWED: 'check',
  REFUSED: 'lock',
  DEPENDS_ON_ROW: 'ledger',
};

export const CUSTODIAN_NAMES: Readonly<Record<AccessCustodian, string>> = {
  NOBODY: 'In nobody’s care',
  THEMSELVES: 'In their own care',
  SOMEBODY_ELSE: 'In somebody else’s care',
};

/** `bookedOn` or `ApiToken` as people write it. */
function words(name: string): string {
  return name
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase()
    .replaceAll(/\bapi\b/g, 'API');
}

/** What an action is, after `may`: `see the amount of this transaction`. */
export function deed(action: string, hasRow: boolean): string {
  const [type = '', field = ''] = action.split('.');
  switch (type) {
    case 'Mutation':
      return words(field);
    case 'Query':
      return `ask for ${words(field)}`;
    case 'Subscription':
      return `listen to ${words(field)}`;
    case 'Capability':
      return words(field);
    default: {
      const thing = words(type);
      const article = hasRow ? 'this' : /^[aeio]/i.test(thing) ? 'an' : 'a';
      return `see the ${words(field)} of ${article} ${thing}`;
    }
  }
}

/** What is asked of policies themselves comes after what they are about. */
export function ordered<T extends { readonly group: string | null }>(actions: readonly T[]): T[] {
  const isAside = ({ group }: T) => Number(group === 'explain' || group === 'explore');
  return [...actions].sort((a, b) => isAside(a) - isAside(b));
}

/** Actions in groups by their type, in the order in which they come. */
export function byType<T extends { readonly action: string | null }>(actions: readonly T[]): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const one of actions) {
    const type = one.action?.split('.')[0] ?? '';
    groups.set(type, [...(groups.get(type) ?? []), one]);
  }
  return [...groups];
}
