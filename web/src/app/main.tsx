import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { onSignedOut } from '../graphql/request';
import { neverShowAgain } from '../lib/page-cache';
import type { Session } from '../lib/session';
import { tenantKey } from '../lib/tenant';
import '../ui/styles.css';
import { Toasts } from '../ui/toasts';
import { queryClient } from './query-client';
import { router } from './router';
import { watchSession } from './session-watch';

neverShowAgain();

function putAway(): void {
  queryClient.setQueryData<Session | null>(['session'], null);
  queryClient.removeQueries({ queryKey: tenantKey });
  void router.invalidate();
}

onSignedOut(putAway);

watchSession(queryClient, {
  onNobody: putAway,
  onOther: () => {
    document.body.hidden = true;
    queryClient.clear();
    location.reload();
  },
});

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
          <Toasts />
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  );
}
