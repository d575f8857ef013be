import { keyText } from '../lib/keys';
import type { IconName } from '../ui/icon';

interface Item {
  readonly to:
    | '/t/$slug/transactions'
    | '/t/$slug/accounts'
    | '/t/$slug/import'
    | '/t/$slug/imports'
    | '/t/$slug/members'
    | '/t/$slug/roles'
    | '/t/$slug/tokens'
    | '/t/$slug/audit';
  readonly label: string;
  readonly icon: IconName;
  /** The key that goes there, after `g`. */
  readonly key: string;
}

const groups: readonly { name: string; items: readonly Item[] }[] = [
  {
    name: 'Books',
    items: [
      { to: '/t/$slug/transactions', label: 'Transactions', icon: 'ledger', key: 't' },
      { to: '/t/$slug/accounts', label: 'Accounts', icon: 'wallet', key: 'a' },
      { to: '/t/$slug/import', label: 'Import', icon: 'upload', key: 'i' },
      { to: '/t/$slug/imports', label: 'Statements', icon: 'download', key: 's' },
    ],
  },
  {
    name: 'Control',
    items: [
      { to: '/t/$slug/members', label: 'Members', icon: 'people', key: 'm' },
      { to: '/t/$slug/roles', label: 'Roles', icon: 'lock', key: 'r' },
      { to: '/t/$slug/tokens', label: 'API tokens', icon: 'key', key: 'k' },
      { to: '/t/$slug/audit', label: 'Audit log', icon: 'scroll', key: 'l' },
    ],
  },
];

export const NAVIGATION = {
  groups,
  items: groups.flatMap((group) => group.items),
  paletteKeys: keyText('Mod+K'),
} as const;
