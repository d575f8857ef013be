import { QueryClient } from '@tanstack/react-query';
import { RequestError } from '../graphql/request';

const PASSING = new Set(['NETWORK', 'SERVICE_UNAVAILABLE']);

export const queryClient = new QueryClient({
  defaultOptions: {
    // Offline, a request fails at once and says so. Held back, it would hang, and what was cancelled meanwhile would
    // still be done once the line is back.
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      staleTime: 10_000,
      // What policy or the input refused is refused again; only an absence passes.
      retry: (count, error) => count < 2 && error instanceof RequestError && PASSING.has(error.fault.code),
      retryDelay: (count) => 500 * 2 ** count,
    },
  },
});
