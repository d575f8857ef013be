import { usePermissions } from '../graphql/use-permissions';
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
    | '/t/$slug/credentials'
    | '/t/$slug/audit'
    | '/t/$slug/access';
  readonly label: string;
  readonly icon: IconName;
  /** The key that goes there, after `g`. */
  readonly key: string;
  /** It is for those who learn which rules decide. */
  readonly explains?: true;
  /** It is for those who see credentials at outside providers. */
  readonly credentials?: true;
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
      { to: '/t/$slug/credentials', label: 'Credentials', icon: 'link', key: 'c', credentials: true },
      { to: '/t/$slug/audit', label: 'Audit log', icon: 'scroll', key: 'l' },
      { to: '/t/$slug/access', label: 'Access', icon: 'shield', key: 'x', explains: true },
    ],
  },
];

export const PALETTE_KEYS = keyText('Mod+K');

/** Where one may go. */
export function useNavigation() {
  const { mayExplain, maySeeCredentials } = usePermissions();
  const open = groups.map(({ name, items }) => ({
    name,
    items: items.filter((item) => (!item.explains || mayExplain) && (!item.credentials || maySeeCredentials)),
  }));
  return { groups: open, items: open.flatMap((group) => group.items) };
}
