import { Combobox } from '@base-ui/react/combobox';
import type { SessionTenant } from '../lib/session';
import { Icon } from '../ui/icon';
import { Chip } from '../ui/state-badge';

export function TenantSwitcher({
  tenants,
  current,
  isOpen,
  onOpenChange,
  onChoose,
}: {
  tenants: readonly SessionTenant[];
  current: SessionTenant;
  isOpen: boolean;
  onOpenChange: (open: boolean) => void;
  onChoose: (slug: string) => void;
}) {
  return (
    <Combobox.Root
      items={tenants}
      value={current}
      open={isOpen}
      onOpenChange={onOpenChange}
      isItemEqualToValue={(a: SessionTenant, b: SessionTenant) => a.slug === b.slug}
      itemToStringLabel={(tenant: SessionTenant) => tenant.name}
      onValueChange={(tenant) => {
        if (tenant && tenant.slug !== current.slug) onChoose(tenant.slug);
      }}
      autoHighlight
    >
      <Combobox.Trigger
        aria-label={`Tenant: ${current.name}. Switch tenant`}
        className="flex items-center gap-2 rounded-md border border-line bg-raised px-2 py-1.5 text-left hover:border-strong"
      >
        <span
          aria-hidden="true"
          className="flex size-7 shrink-0 items-center justify-center rounded-md bg-accent font-semibold text-on-accent"
        >
          {current.name.charAt(0)}
        </span>
        <span className="min-w-0 flex-1">
          <span className="block truncate font-semibold">{current.name}</span>
          <span className="block text-xs text-muted">{current.role}</span>
        </span>
        <span className="text-muted">
          <Icon name="chevrons" />
        </span>
      </Combobox.Trigger>
      <Combobox.Portal>
        <Combobox.Positioner sideOffset={6} align="start" className="z-30">
          <Combobox.Popup
            aria-label="Switch tenant"
            className="floating w-72 max-w-[calc(100vw-2rem)] overflow-hidden"
          >
            <Combobox.Input
              aria-label="Find a tenant"
              placeholder="Find a tenant"
              className="h-10 w-full border-b border-line bg-transparent px-3 focus-visible:outline-none"
            />
            <Combobox.Empty>
              <div className="px-3 py-4 text-muted">No tenant of that name</div>
            </Combobox.Empty>
            <Combobox.List className="max-h-72 overflow-y-auto p-1 empty:p-0">
              {(tenant: SessionTenant) => (
                <Combobox.Item
                  key={tenant.slug}
                  value={tenant}
                  className="flex h-9 cursor-pointer items-center gap-2 rounded-md px-2 data-highlighted:bg-tint"
                >
                  <span className="min-w-0 flex-1 truncate">{tenant.name}</span>
                  <Chip>{tenant.role}</Chip>
                  <span className="w-4">
                    <Combobox.ItemIndicator>
                      <Icon name="check" size={14} />
                    </Combobox.ItemIndicator>
                  </span>
                </Combobox.Item>
              )}
            </Combobox.List>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  );
}
