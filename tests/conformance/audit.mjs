// The published audit of GraphQL over HTTP (npm `graphql-http`), for a token that may introspect.
import { serverAudits } from 'graphql-http';

export default async function audit({ url, token, check }) {
  const fetchFn = (input, init = {}) =>
    fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
  for (const one of serverAudits({ url, fetchFn })) {
    await check(`audit ${one.id} ${one.name}`, async () => {
      const result = await one.fn();
      if (result.status !== 'ok') {
        const body = await result.response?.text?.().catch(() => '');
        throw new Error(`${result.status}: ${result.reason} ${result.response?.status ?? ''} ${body ?? ''}`);
      }
    });
  }
}
