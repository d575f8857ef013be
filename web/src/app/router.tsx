import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { readAccessSearch, readAuditSearch, readTransactionSearch } from '../lib/filters';
import { activateTenant, type Session, type SessionTenant, sessionQuery } from '../lib/session';
import { announceTenant, tenantKey, workIn } from '../lib/tenant';
import { ErrorScreen, NotFoundScreen, WaitScreen } from '../routes/screens';
import { queryClient } from './query-client';

const rootRoute = createRootRoute({ component: Outlet, notFoundComponent: NotFoundScreen });

async function requireSession(href: string): Promise<Session> {
  const session = await queryClient.ensureQueryData({ ...sessionQuery, revalidateIfStale: true });
  if (!session) throw redirect({ to: '/sign-in', search: href === '/' ? {} : { returnUrl: href } });
  return session;
}

const indexRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: async ({ location }) => {
    const session = await requireSession(location.href);
    const slug = session.activeTenant ?? session.tenants[0]?.slug;
    if (!slug) throw redirect({ to: '/no-tenant', replace: true });
    throw redirect({ to: '/t/$slug/transactions', params: { slug }, replace: true });
  },
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: 'sign-in',
  validateSearch: (raw: Record<string, unknown>): { returnUrl?: string; error?: string } => ({
    ...(typeof raw['returnUrl'] === 'string' ? { returnUrl: raw['returnUrl'] } : {}),
    ...(typeof raw['error'] === 'string' ? { error: raw['error'] } : {}),
  }),
  component: lazyRouteComponent(() => import('../routes/sign-in'), 'SignInPage'),
});

const noTenantRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: 'no-tenant',
  beforeLoad: async ({ location }) => {
    const session = await requireSession(location.href);
    if (session.tenants.length > 0) throw redirect({ to: '/', replace: true });
    return { session };
  },
  component: lazyRouteComponent(() => import('../routes/no-tenant'), 'NoTenantPage'),
});

/** Makes the tenant of the address the session's own. Everything of the one before is dropped first. */
async function enterTenant(session: Session, slug: string): Promise<SessionTenant> {
  const tenant = session.tenants.find((one) => one.slug === slug);
  if (!tenant) throw notFound();
  if (session.activeTenant === slug) {
    workIn(tenant);
    return tenant;
  }
  await queryClient.cancelQueries({ queryKey: tenantKey });
  queryClient.removeQueries({ queryKey: tenantKey });
  if (!(await activateTenant(slug))) throw notFound();
  const switched: Session = { ...session, activeTenant: slug };
  queryClient.setQueryData<Session | null>(['session'], switched);
  announceTenant(slug);
  workIn(tenant);
  return tenant;
}

const tenantRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: 't/$slug',
  beforeLoad: async ({ location, params }) => {
    const session = await requireSession(location.href);
    return { session, tenant: await enterTenant(session, params.slug) };
  },
  component: lazyRouteComponent(() => import('./tenant-shell'), 'TenantShell'),
});

const tenantIndexRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/t/$slug/transactions', params, replace: true });
  },
});

const transactionsRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'transactions',
  validateSearch: readTransactionSearch,
  component: lazyRouteComponent(() => import('../routes/transactions'), 'TransactionsPage'),
});

const accountsRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'accounts',
  component: lazyRouteComponent(() => import('../routes/accounts'), 'AccountsPage'),
});

const importRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'import',
  component: lazyRouteComponent(() => import('../routes/import'), 'ImportPage'),
});

const importsRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'imports',
  component: lazyRouteComponent(() => import('../routes/imports'), 'ImportsPage'),
});

const tokensRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'tokens',
  component: lazyRouteComponent(() => import('../routes/tokens'), 'TokensPage'),
});

const credentialsRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'credentials',
  component: lazyRouteComponent(() => import('../routes/credentials'), 'CredentialsPage'),
});

const rolesRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'roles',
  component: lazyRouteComponent(() => import('../routes/roles'), 'RolesPage'),
});

const membersRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'members',
  component: lazyRouteComponent(() => import('../routes/members'), 'MembersPage'),
});

const auditRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'audit',
  validateSearch: readAuditSearch,
  component: lazyRouteComponent(() => import('../routes/audit'), 'AuditPage'),
});

const accessRoute = createRoute({
  getParentRoute: () => tenantRoute,
  path: 'access',
  validateSearch: readAccessSearch,
  component: lazyRouteComponent(() => import('../routes/access'), 'AccessPage'),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    indexRoute,
    signInRoute,
    noTenantRoute,
    tenantRoute.addChildren([
      tenantIndexRoute,
      transactionsRoute,
      accountsRoute,
      importRoute,
      importsRoute,
      tokensRoute,
      credentialsRoute,
      membersRoute,
      rolesRoute,
      auditRoute,
      accessRoute,
    ]),
  ]),
  // Entering a tenant's address switches the session, so no address is entered before it is chosen.
  defaultPreload: false,
  defaultPendingMs: 300,
  defaultPendingComponent: WaitScreen,
  defaultErrorComponent: ErrorScreen,
  defaultNotFoundComponent: NotFoundScreen,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
