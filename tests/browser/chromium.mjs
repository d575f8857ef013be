// Chromium, and people in it: what every journey begins with.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [, , address = 'http://localhost:8080', folder, part = ''] = process.argv;
/** Where the product is. */
export const url = address;
/** Where pictures go, if anywhere. */
export const pictures = folder;
/** What the names of the journeys that are wanted have. */
export const only = part;
const here = fileURLToPath(new URL('.', import.meta.url));
/** What verifies an export without the server. */
export const program = process.env.COUNTERSIGN ?? join(here, '../../target/debug/countersign');
const required = createRequire(join(here, '../../web/package.json'));
const { chromium } = required('playwright-core');
export const { source: axe } = required('axe-core');
if (pictures) mkdirSync(pictures, { recursive: true });

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
  ],
});

/** A browser of its own, signed in as somebody; with a code, with a second factor. */
export async function signIn(name, code) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(error.message));
  page.on('console', (message) => {
    const text = message.text();
    // A refused request is part of the journey; the browser reports it all the same.
    if (message.type() === 'error' && !text.includes('Failed to load resource')) page.faults.push(text);
  });
  await page.goto(`${url}/`);
  await enter(page, name, code);
  return page;
}

/** From the product's sign-in page through the provider's, and back. */
export async function enter(page, name, code) {
  await page
    .getByRole('button', { name: /sign in/i })
    .or(page.getByRole('link', { name: /sign in/i }))
    .first()
    .click();
  await page.getByLabel(new RegExp(name)).check();
  await page.getByLabel('Password').fill('countersign');
  if (code) await page.getByLabel(/One-time code/).fill(code);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/t\/[a-z]+\//);
}

/** GraphQL as the page itself asks it. */
export const ask = (page, query, variables = {}) =>
  page.evaluate(
    async ([query, variables]) => {
      const answer = await fetch('/graphql', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-csrf': '1',
          'idempotency-key': crypto.randomUUID(),
          accept: 'application/graphql-response+json',
        },
        body: JSON.stringify({ query, variables }),
      });
      return { status: answer.status, body: await answer.json() };
    },
    [query, variables],
  );

/** A picture of the page as it is, where pictures are wanted. */
export const shoot = (page, name) =>
  pictures ? page.screenshot({ path: join(pictures, `${name}.png`) }) : undefined;

const documents = JSON.parse(
  readFileSync(join(here, '../../web/src/graphql/generated/documents.json'), 'utf8'),
);
/** Whether a request of the page asks for the operation of that name. */
export const asks = (request, name) => (request.postData() ?? '').includes(documents[name].documentId);

/** Changes what the server answers to an operation on its way to the page. Gives the way to stop. */
export async function tamper(page, name, change) {
  const handler = async (route) => {
    if (!asks(route.request(), name)) return route.fallback();
    const response = await route.fetch();
    const body = await response.json();
    change(body.data);
    await route.fulfill({ response, json: body });
  };
  await page.route('**/graphql', handler);
  return () => page.unroute('**/graphql', handler);
}

/** Makes a tenant the session's, as the switcher does. */
export const choose = (page, slug) =>
  page.evaluate(
    (slug) =>
      fetch('/bff/tenant', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-csrf': '1' },
        body: JSON.stringify({ slug }),
      }),
    slug,
  );
