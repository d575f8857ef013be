import { Dialog } from '@base-ui/react/dialog';
import { useNavigate } from '@tanstack/react-router';
import { Command } from 'cmdk';
import type { ReactNode } from 'react';
import type { Session } from '../lib/session';
import { Icon } from '../ui/icon';
import { setPreferences, THEMES } from '../ui/preferences';
import { useNavigation } from './navigation';

const ITEM = 'flex h-9 cursor-pointer items-center gap-2 rounded-md px-2 data-[selected=true]:bg-tint';

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-muted"
    >
      {children}
    </Command.Group>
  );
}

/** Everything that can be done from anywhere, by name. */
export function Palette({ session, slug, onClose }: { session: Session; slug: string; onClose: () => void }) {
  const navigate = useNavigate();
  const { items } = useNavigation();
  const run = (action: () => unknown) => () => {
    onClose();
    void action();
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop z-40" />
        <Dialog.Popup
          aria-label="Command palette"
          className="floating fixed top-[12vh] left-1/2 z-40 w-[540px] max-w-[calc(100vw-2rem)] -translate-x-1/2 overflow-hidden"
        >
          <Command label="Command palette" loop>
            <Command.Input
              placeholder="Go to, switch tenant, change theme…"
              className="h-11 w-full border-b border-line bg-transparent px-4 text-base focus-visible:outline-none"
            />
            <Command.List className="max-h-[50vh] overflow-y-auto p-1.5">
              <Command.Empty className="px-2 py-4 text-muted">Nothing of that name</Command.Empty>
              <Group heading="Go to">
                {items.map((item) => (
                  <Command.Item
                    key={item.to}
                    className={ITEM}
                    value={item.label}
                    onSelect={run(() => navigate({ to: item.to, params: { slug } }))}
                  >
                    <Icon name={item.icon} />
                    {item.label}
                    <kbd className="mono ml-auto text-muted">g {item.key}</kbd>
                  </Command.Item>
                ))}
                <Command.Item
                  className={ITEM}
                  value="Transactions without a category"
                  onSelect={run(() =>
                    navigate({
                      to: '/t/$slug/transactions',
                      params: { slug },
                      search: { uncategorized: true },
                    }),
                  )}
                >
                  <Icon name="ledger" />
                  Transactions without a category
                </Command.Item>
              </Group>
              {session.tenants.length > 1 && (
                <Group heading="Switch tenant">
                  {session.tenants
                    .filter((tenant) => tenant.slug !== slug)
                    .map((tenant) => (
                      <Command.Item
                        key={tenant.slug}
                        className={ITEM}
                        value={`Switch to ${tenant.name}`}
                        onSelect={run(() =>
                          navigate({
                            to: '/t/$slug/transactions',
                            params: { slug: tenant.slug },
                            search: {},
                          }),
                        )}
                      >
                        <Icon name="chevrons" />
                        {tenant.name}
                        <span className="ml-auto text-xs text-muted">{tenant.role}</span>
                      </Command.Item>
                    ))}
                </Group>
              )}
              <Group heading="Theme">
                {THEMES.map((theme) => (
                  <Command.Item
                    key={theme}
                    className={ITEM}
                    value={`Theme ${theme}`}
                    onSelect={run(() => setPreferences({ theme }))}
                  >
                    <span className="w-4" />
                    <span className="capitalize">{theme}</span>
                  </Command.Item>
                ))}
              </Group>
            </Command.List>
          </Command>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
