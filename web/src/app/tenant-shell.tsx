import { getRouteApi, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { Fragment, lazy, Suspense, useEffect, useState } from 'react';
import { onTenantElsewhere, TenantContext } from '../lib/tenant';
import { Icon } from '../ui/icon';
import { Elsewhere } from './elsewhere';
import { HiddenReasons } from './hidden-reasons';
import { PALETTE_KEYS } from './navigation';
import { NavigationLinks } from './navigation-links';
import { ShortcutSheet } from './shortcut-sheet';
import { Shortcuts } from './shortcuts';
import { UserMenu } from './user-menu';

const route = getRouteApi('/t/$slug');
const TenantSwitcher = lazy(() =>
  import('./tenant-switcher').then((module) => ({ default: module.TenantSwitcher })),
);
const Palette = lazy(() => import('./palette').then((module) => ({ default: module.Palette })));

/** The frame of every screen of a tenant. */
export function TenantShell() {
  const { session, tenant } = route.useRouteContext();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [isSheetOpen, setSheetOpen] = useState(false);
  const [isSwitcherOpen, setSwitcherOpen] = useState(false);
  const [isNavOpen, setNavOpen] = useState(false);
  const [elsewhere, setElsewhere] = useState<string | null>(null);
  const navigate = useNavigate();
  const path = useLocation({ select: (location) => location.pathname });
  const [navPath, setNavPath] = useState(path);
  if (path !== navPath) {
    // However one came to another screen, on a phone the menu is not to cover it.
    setNavPath(path);
    setNavOpen(false);
  }

  useEffect(
    () => onTenantElsewhere((slug) => setElsewhere(slug === tenant.slug ? null : slug)),
    [tenant.slug],
  );

  if (elsewhere) return <Elsewhere tenant={tenant} slug={elsewhere} tenants={session.tenants} />;

  return (
    <TenantContext value={tenant}>
      <Shortcuts
        slug={tenant.slug}
        onPalette={() => setPaletteOpen(true)}
        onSheet={() => setSheetOpen(true)}
        onSwitcher={() => setSwitcherOpen(true)}
      />
      <a href="#content" className="button absolute top-2 left-2 z-50 -translate-y-16 focus:translate-y-0">
        Skip to content
      </a>
      <div className="flex min-h-dvh flex-col md:grid md:grid-cols-[224px_minmax(0,1fr)]">
        <header className="flex items-center gap-2 border-b border-line p-2 md:hidden">
          <button
            type="button"
            className="button px-2"
            data-kind="quiet"
            aria-expanded={isNavOpen}
            aria-controls="rail"
            aria-label="Navigation"
            onClick={() => setNavOpen((open) => !open)}
          >
            <Icon name="menu" />
          </button>
          <span className="truncate font-semibold">{tenant.name}</span>
        </header>
        <aside
          id="rail"
          aria-label="Tenant and navigation"
          className={`${isNavOpen ? 'flex' : 'hidden'} flex-col gap-4 border-b border-line bg-surface p-3 md:sticky md:top-0 md:flex md:h-dvh md:border-r md:border-b-0`}
        >
          <Suspense fallback={<div className="h-[54px] rounded-md border border-line bg-raised" />}>
            <TenantSwitcher
              tenants={session.tenants}
              current={tenant}
              isOpen={isSwitcherOpen}
              onOpenChange={setSwitcherOpen}
              onChoose={(slug) =>
                void navigate({ to: '/t/$slug/transactions', params: { slug }, search: {} })
              }
            />
          </Suspense>
          <button
            type="button"
            className="flex h-8 items-center gap-2 rounded-md border border-line bg-bg px-2 text-muted hover:text-text"
            onClick={() => setPaletteOpen(true)}
          >
            <Icon name="search" size={14} />
            Go to…
            <kbd className="ml-auto font-sans text-xs" data-shortcut="palette">
              {PALETTE_KEYS}
            </kbd>
          </button>
          <nav aria-label="Main" className="flex flex-1 flex-col gap-4">
            <NavigationLinks slug={tenant.slug} onFollow={() => setNavOpen(false)} />
          </nav>
          <UserMenu session={session} role={tenant.role} onShortcuts={() => setSheetOpen(true)} />
        </aside>
        <main id="content" tabIndex={-1} className="min-w-0 flex-1 focus-visible:outline-none">
          {/* Nothing of one tenant's screen lives on in another's. */}
          <Fragment key={tenant.slug}>
            <Outlet />
          </Fragment>
        </main>
      </div>
      <HiddenReasons slug={tenant.slug} />
      <ShortcutSheet isOpen={isSheetOpen} onClose={() => setSheetOpen(false)} />
      {isPaletteOpen && (
        <Suspense fallback={null}>
          <Palette session={session} slug={tenant.slug} onClose={() => setPaletteOpen(false)} />
        </Suspense>
      )}
    </TenantContext>
  );
}
