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

/** `ApiToken` as people write it. */
function typeWords(type: string): string {
  return fieldWords(type).replace(/^api /, 'API ');
}

/** `bookedOn` as people write it. */
function fieldWords(field: string): string {
  return field.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

/** What an action is, after `may`: `see the amount of this transaction`. */
export function deed(action: string, hasRow: boolean): string {
  const [type = '', field = ''] = action.split('.');
  switch (type) {
    case 'Mutation':
      return fieldWords(field);
    case 'Query':
      return `ask for ${fieldWords(field)}`;
    case 'Subscription':
      return `listen to ${fieldWords(field)}`;
    case 'Capability':
      return fieldWords(field);
    default: {
      const name = typeWords(type);
      const article = hasRow ? 'this' : /^[aeio]/i.test(name) ? 'an' : 'a';
      return `see the ${fieldWords(field)} of ${article} ${name}`;
    }
  }
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
