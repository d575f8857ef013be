import { use, useEffect } from 'react';
import { TenantContext } from './tenant';

/** Names the page in the tab, in the history and to readers: `Transactions – Lumen – Countersign`. */
export function useTitle(page: string): void {
  const tenant = use(TenantContext);
  const title = [page, tenant?.name, 'Countersign'].filter(Boolean).join(' – ');
  useEffect(() => {
    document.title = title;
  }, [title]);
}
