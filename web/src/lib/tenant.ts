import { createContext, use } from 'react';
import type { SessionTenant } from './session';

/** The tenant of the address, which the session has been switched to. */
export const TenantContext = createContext<SessionTenant | null>(null);

export function useTenant(): SessionTenant {
  const tenant = use(TenantContext);
  if (!tenant) throw new Error('no tenant around this component');
  return tenant;
}

let meant: string | null = null;

/** From now on everything that this tab asks for is meant for that tenant. */
export function workIn(tenant: SessionTenant): void {
  meant = tenant.id;
}

/**
 * Says which tenant a request is meant for. The session may have gone to another one in another tab, and what is
 * clicked here a moment later would be done there: the server refuses it instead.
 */
export function meantFor(tenant: string | null = meant): Record<string, string> {
  return tenant === null ? {} : { 'Countersign-Tenant': tenant };
}

/** The key of everything that is of one tenant, so that it can be dropped together. */
export const tenantKey = ['t'] as const;

interface Switched {
  readonly slug: string;
}

// A session has one active tenant for all tabs. A tab that switches tells the others.
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('countersign.tenant');

export function announceTenant(slug: string): void {
  channel?.postMessage({ slug } satisfies Switched);
}

export function onTenantElsewhere(listener: (slug: string) => void): () => void {
  if (!channel) return () => undefined;
  const heard = (event: MessageEvent<Switched>) => listener(event.data.slug);
  channel.addEventListener('message', heard);
  return () => channel.removeEventListener('message', heard);
}
