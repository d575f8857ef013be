// Looks at every screen in Chromium: both themes, two widths. Pictures go to a temporary folder; a violation of the
// content security policy, an error on the console or a finding of axe fails it. `npm run build` first.
import { mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { start } from '../mock/server.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'countersign-look-'));
const faults = [];
const mock = await start();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});

async function open(scheme, width) {
  const context = await browser.newContext({
    viewport: { width, height: width < 600 ? 844 : 800 },
    colorScheme: scheme,
    locale: 'en-GB',
  });
  const page = await context.newPage();
  page.on('console', (message) => {
    const isExpected = /Failed to load resource.*(401|503)/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !isExpected)
      faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`page: ${error.message}`));
  return { context, page };
}

async function look(page, name) {
  await page.waitForTimeout(250);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  // Evaluated by the debugger, which the page's policy does not bind.
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  for (const { id, nodes, help } of result.violations) {
    faults.push(
      `axe ${name}: ${id} (${help}): ${nodes
        .slice(0, 3)
        .map((node) => `${node.target} ${node.failureSummary?.split('\n')[1] ?? ''}`)
        .join(' | ')}`,
    );
  }
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (overflow > 0) faults.push(`${name}: the page is ${overflow} px wider than the screen`);
}

const go = async (page, path, heading) => {
  await page.goto(mock.address + path);
  await page.getByRole('heading', { name: heading, exact: true }).first().waitFor();
};

async function tour(scheme, width) {
  const { context, page } = await open(scheme, width);
  const shot = (name) => look(page, `${name}-${scheme}-${width}`);
  const screens = [
    ['transactions', '/t/northwind/transactions', 'Transactions'],
    ['hidden', '/t/alder/transactions', 'Transactions'],
    ['accounts', '/t/northwind/accounts', 'Accounts'],
    ['accounts-hidden', '/t/alder/accounts', 'Accounts'],
    ['import', '/t/northwind/import', 'Import'],
    ['import-refused', '/t/alder/import', 'Import'],
    ['statements', '/t/northwind/imports', 'Statements'],
    ['tokens', '/t/northwind/tokens', 'API tokens'],
    ['members', '/t/northwind/members', 'Members'],
    ['members-refused', '/t/alder/members', 'Members'],
    ['members-auditor', '/t/lumen/members', 'Members'],
    ['audit', '/t/northwind/audit', 'Audit log'],
    ['empty', '/t/lumen/transactions', 'Transactions'],
    ['no-match', '/t/northwind/transactions?text=zzz', 'Transactions'],
    ['error', '/t/northwind/transactions?text=boom', 'Transactions'],
    ['not-found', '/t/elsewhere/transactions', 'There is no page at this address'],
  ];
  for (const [name, path, heading] of screens) {
    await go(page, path, heading);
    await page.waitForLoadState('networkidle');
    if (name === 'error') await page.getByRole('alert').waitFor({ timeout: 10_000 });
    await shot(name);
  }
  await go(page, '/t/alder/transactions', 'Transactions');
  await page
    .getByRole('button', { name: /Amount.*Hidden by policy/ })
    .first()
    .click();
  await page.getByRole('dialog').waitFor();
  await shot('hidden-why');

  await go(page, '/t/northwind/transactions', 'Transactions');
  await page
    .getByRole('button', { name: /^Open / })
    .nth(2)
    .click();
  await page.getByRole('dialog').getByText('E2E-').waitFor();
  await shot('sheet');
  await page.keyboard.press('Escape');

  await go(page, '/t/northwind/tokens', 'API tokens');
  await page.getByRole('button', { name: 'Create token' }).click();
  await page.getByLabel('Name').fill('Partner feed');
  await shot('token-create');
  await page.getByRole('dialog').getByRole('button', { name: 'Create token' }).click();
  await page.getByLabel('API token').filter({ hasText: 'cst_' }).waitFor();
  await page.keyboard.press('Escape');
  await page.mouse.click(3, 3);
  await shot('token-once');
  await page.getByRole('button', { name: 'I have copied it' }).click();

  await go(page, '/t/northwind/import', 'Import');
  const csv =
    'Buchungstag;Empfänger;Verwendungszweck;Betrag\n31.10.2026;Harbour Office;Miete;-2.450,00\n30.10.2026;Alma;Rechnung 7;1.200,50\n';
  await page.locator('input[type=file]').setInputFiles({
    name: `bank-${scheme}-${width}.csv`,
    mimeType: 'text/csv',
    buffer: Buffer.from(csv + scheme + width),
  });
  await page.getByLabel('Account', { exact: true }).selectOption({ index: 1 });
  await shot('import-csv');
  await page.getByRole('button', { name: 'Import statement' }).click();
  await page.getByRole('heading', { name: 'Imported' }).waitFor();
  await page.getByRole('region', { name: 'Result' }).scrollIntoViewIfNeeded();
  await shot('import-done');
  await page.getByRole('button', { name: 'Import statement' }).click();
  await page.getByRole('heading', { name: 'Already imported' }).waitFor();
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'x.xml', mimeType: 'text/xml', buffer: Buffer.from('<broken/>') });
  await page.getByRole('button', { name: 'Import statement' }).click();
  await page.getByText('Nothing was imported').waitFor();
  await shot('import-broken');

  await go(page, '/t/northwind/audit', 'Audit log');
  await page.getByRole('button', { name: 'Entry 68' }).click();
  await shot('audit-open');

  await go(page, '/t/northwind/accounts', 'Accounts');
  await page.getByRole('button', { name: 'Create account' }).click();
  await shot('account-create');
  await page.keyboard.press('Escape');

  await go(page, '/t/northwind/members', 'Members');
  await page.getByRole('button', { name: 'Remove Mara Lindqvist' }).click();
  await shot('member-remove');
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('Control+k');
  await page.getByPlaceholder(/Go to, switch/).waitFor();
  await shot('palette');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  if (width > 600) {
    await page.keyboard.press('Control+Shift+o');
    await page.getByPlaceholder('Find a tenant').fill('ald');
    await shot('switcher');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/t/alder/transactions');
    await page
      .getByRole('button', { name: /^Open / })
      .first()
      .waitFor();
    await page.getByPlaceholder('Find a tenant').waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.waitForURL('**/t/alder/accounts');
    await page.getByRole('button', { name: /User menu/ }).click();
    await shot('user-menu');
    await page.keyboard.press('Escape');
    // Categorise, and take it back.
    await go(page, '/t/northwind/transactions', 'Transactions');
    const category = page.getByLabel('Category of Coffee corner').first();
    await category.focus();
    await category.selectOption({ label: 'Office' });
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    await shot('toast');
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.waitForFunction(
      () => document.querySelector('select[aria-label^="Category of Coffee"]').value === '',
    );
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 100);
  }
  // Another tab switches the tenant: this one steps aside, and comes back on demand.
  await go(page, '/t/northwind/transactions', 'Transactions');
  const other = await context.newPage();
  await go(other, '/t/alder/accounts', 'Accounts');
  await page.getByRole('heading', { name: 'Another tab switched to Alder & Sons Bakery' }).waitFor();
  await shot('elsewhere');
  await other.close();
  await page.getByRole('button', { name: 'Go back to Northwind Traders' }).click();
  await page.getByRole('heading', { name: 'Transactions', exact: true }).waitFor();
  // A tab that did not hear of it refuses the other tenant's rows.
  mock.state.active = 'alder';
  await page.getByLabel('Direction').selectOption('IN');
  await page.getByText('This session was switched to another tenant').waitFor();
  mock.state.active = 'northwind';
  // Signed out under the hands, then the provider away, then back to where it was.
  mock.state.signedIn = false;
  mock.state.providerAway = true;
  await page.goto(`${mock.address}/t/northwind/accounts`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await shot('sign-in');
  mock.state.providerAway = false;
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/t/northwind/accounts');
  mock.state.memberships = [];
  await page.goto(mock.address);
  await page.getByRole('heading', { name: 'No tenant yet' }).waitFor();
  await shot('no-tenant');
  mock.state.memberships = ['northwind', 'alder', 'lumen'];
  await context.close();
}

try {
  for (const scheme of ['light', 'dark']) for (const width of [1280, 390]) await tour(scheme, width);
} catch (error) {
  faults.push(String(error));
} finally {
  await browser.close();
  await mock.stop();
}
console.log(`pictures in ${folder}`);
for (const fault of new Set(faults)) console.log(fault);
process.exit(faults.length > 0 ? 1 : 0);
