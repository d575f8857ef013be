// A stand-in for the server, to look at the app without one: serves dist under the real content security policy and
// keeps books in memory. `MOCK_PORT=0 node mock/server.mjs` prints its address. Not for anything but looking.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tenants } from './data.mjs';
import { answer } from './graphql.mjs';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

/** Starts it. `state` can be changed while it runs: `signedIn`, `providerAway`, `person`, `memberships`. */
export async function start(port = 0) {
  const state = {
    signedIn: true,
    providerAway: false,
    memberships: ['northwind', 'alder', 'lumen'],
    active: 'northwind',
    books: tenants(),
    delayMs: 0,
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    const json = (status, body, type = 'application/json') => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    const problem = (status, code, detail) =>
      json(
        status,
        { status, code, detail, requestId: 'req_00000000000000000000000000000001' },
        'application/problem+json',
      );
    const isForged = request.method === 'POST' && request.headers['x-csrf'] !== '1';
    if (isForged) return problem(403, 'FORBIDDEN', 'the header X-CSRF is missing');
    let text = '';
    for await (const chunk of request) text += chunk;

    if (url.pathname === '/bff/login') {
      if (state.providerAway)
        return problem(503, 'SERVICE_UNAVAILABLE', 'the sign-in provider does not answer');
      if (request.headers['sec-fetch-mode'] === 'navigate') state.signedIn = true;
      response.writeHead(302, { Location: url.searchParams.get('returnUrl') ?? '/' });
      return response.end();
    }
    if (url.pathname === '/bff/logout') {
      state.signedIn = false;
      response.writeHead(302, { Location: '/' });
      return response.end();
    }
    if (url.pathname === '/bff/user') {
      if (!state.signedIn) return problem(401, 'UNAUTHENTICATED', 'nobody is signed in');
      const { members } = state.books.northwind;
      return json(200, {
        user: { id: members[0].id, name: members[0].name, email: members[0].email },
        tenants: state.memberships.map((slug) => ({
          id: state.books[slug].tenant.id,
          slug,
          name: state.books[slug].tenant.name,
          role: state.books[slug].role,
        })),
        activeTenant: state.memberships.length > 0 ? state.active : null,
        sessionExpiresAt: new Date(Date.now() + 3_600_000).toISOString(),
        logoutUrl: '/bff/logout?sid=1',
      });
    }
    if (url.pathname === '/bff/tenant') {
      const { slug } = JSON.parse(text);
      if (!state.memberships.includes(slug)) return problem(404, 'NOT_FOUND', 'no such tenant');
      state.active = slug;
      response.writeHead(204);
      return response.end();
    }
    if (url.pathname === '/graphql') {
      if (!state.signedIn)
        return json(401, {
          errors: [{ message: 'nobody is signed in', extensions: { code: 'UNAUTHENTICATED' } }],
        });
      if (state.delayMs > 0) await new Promise((done) => setTimeout(done, state.delayMs));
      const { requestId, status, body } = await answer(state.books[state.active], JSON.parse(text));
      response.setHeader('X-Request-Id', requestId);
      return json(status, body, 'application/graphql-response+json');
    }
    const wanted = join(dist, normalize(decodeURIComponent(url.pathname)));
    const isFile = wanted.startsWith(dist) && existsSync(wanted) && statSync(wanted).isFile();
    const file = isFile ? wanted : join(dist, 'index.html');
    response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' });
    return response.end(readFileSync(file));
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  return {
    address: `http://localhost:${server.address().port}`,
    state,
    stop: () => new Promise((done) => server.close(done)),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { address } = await start(Number(process.env.MOCK_PORT ?? 8090));
  console.log(address);
}
