import { QueryClient } from '@tanstack/react-query';
import { RequestError } from '../graphql/request';

const PASSING = new Set(['NETWORK', 'SERVICE_UNAVAILABLE']);

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What policy or the input refused is refused again; only an absence passes.
      retry: (count, error) => count < 2 && error instanceof RequestError && PASSING.has(error.fault.code),
      retryDelay: (count) => 500 * 2 ** count,
    },
  },
});
