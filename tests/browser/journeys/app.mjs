// The app as a whole: its pages, its sheets, the explorer, the way out.

import assert from 'node:assert/strict';

import { ask, axe, browser, shoot, signIn, url } from '../chromium.mjs';

export default {
  async 'every page has a title of its own, fits a desk and a phone, and has no fault that axe finds'() {
    const page = await signIn('Olivia');
    const pages = {
      transactions: 'Transactions',
      accounts: 'Accounts',
      import: 'Import',
      imports: 'Statements',
      members: 'Members',
      roles: 'Roles',
      tokens: 'API tokens',
      credentials: 'Credentials',
      audit: 'Audit log',
      access: 'Access',
    };
    for (const [width, height] of [
      [1280, 800],
      [390, 844],
    ]) {
      await page.setViewportSize({ width, height });
      for (const [path, title] of Object.entries(pages)) {
        const where = `${path} at ${width}`;
        await page.goto(`${url}/t/northwind/${path}`);
        await page.getByRole('heading', { level: 1, name: title }).waitFor();
        await page.waitForLoadState('networkidle', { timeout: 2_000 }).catch(() => {});
        assert.equal(await page.title(), `${title} – Northwind Traders – Countersign`);
        const wide = () =>
          [document.documentElement, ...document.querySelectorAll('main .overflow-x-auto')]
            .filter((one) => one.scrollWidth > one.clientWidth)
            .map((one) => one.outerHTML.slice(0, 80));
        assert.deepEqual(await page.evaluate(wide), [], `${where} is too wide`);
        await page.evaluate(axe);
        const { violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
        assert.deepEqual(
          violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
          [],
          where,
        );
        await shoot(page, `fits-${width}-${path}`);
      }
    }
    return page;
  },

  async 'a sheet that is closed does not come back by the way back, and the focus returns to its row'() {
    const page = await signIn('Olivia');
    for (const [title, row] of [
      ['Transactions', /^Open /],
      ['Audit log', /^Entry \d+/],
    ]) {
      await page.goto(`${url}/t/northwind/accounts`);
      await page.getByRole('link', { name: title, exact: true }).click();
      // The very row: others come before it as the log grows.
      const opener = await page.getByRole('button', { name: row }).nth(1).elementHandle();
      const name = await opener.textContent();
      await opener.click();
      await page.waitForURL(/open=/);
      const link = page.url();
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      await page.waitForURL((address) => !address.search.includes('open'));
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      assert.equal(
        await page.evaluate(() => document.activeElement.textContent),
        name,
        'the focus is at its row',
      );
      await page.goBack();
      await page.waitForURL(/accounts$/);
      // Who came by a link has nowhere to go back to, and stays.
      const other = await page.context().newPage();
      await other.goto(link);
      await other.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).click();
      await other.waitForURL((address) => address.href === link.replace(/\?.*/, ''));
      await other.getByRole('heading', { name: title }).waitFor();
      await other.close();
    }
    return page;
  },

  async "the explorer asks with one's own session, and is shown to those who may explore"() {
    const worker = await signIn('Wanda');
    await worker.goto(`${url}/t/northwind/transactions`);
    await worker.getByRole('row').nth(2).waitFor();
    assert.equal(await worker.getByRole('link', { name: /Explorer/ }).count(), 0);
    const owner = await signIn('Olivia');
    await owner.goto(`${url}/t/northwind/accounts`);
    assert.equal(await owner.getByRole('link', { name: /Explorer/ }).getAttribute('href'), '/explorer.html');
    const explorer = await owner.goto(`${url}/explorer.html`);
    const policy = (answer) => answer.headers()['content-security-policy'].split('; ').sort();
    const product = policy(await owner.request.get(`${url}/`));
    // The editor lays out by styles of its own; what runs is as narrow as everywhere.
    const more = policy(explorer).filter((part) => !product.includes(part));
    const expected = [
      "font-src 'self' data:",
      "form-action 'none'",
      "style-src 'self' 'unsafe-inline'",
      "worker-src 'self'",
    ];
    assert.deepEqual(more, expected);
    assert.ok(policy(explorer).includes("script-src 'self'") && product.includes("style-src 'self'"));
    await owner.locator('.graphiql-query-editor .view-line').nth(5).waitFor();
    await owner.getByRole('button', { name: /execute/i }).click();
    await owner
      .locator('.result-window')
      .getByText(/Northwind.Traders/)
      .waitFor();
    const nobody = await (await browser.newContext()).newPage();
    await nobody.goto(`${url}/explorer.html`);
    await nobody.waitForURL(/sign-in\?returnUrl=%2Fexplorer\.html$/);
    // The documentation comes from introspection.
    await owner.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await owner.locator('.graphiql-doc-explorer-type-name', { hasText: 'Subscription' }).first().waitFor();
    worker.faults.length = 0;
    return owner;
  },

  async 'signing out ends the session here and at the provider'() {
    const page = await signIn('Ada Brandt');
    await page.getByRole('button', { name: /User menu/ }).click();
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(/\/sign-in/);
    assert.equal((await ask(page, '{ viewer { kind } }')).status, 401);
    await page.goto(`${url}/bff/login?returnUrl=/`);
    await page.getByLabel('Password').waitFor();
    return page;
  },
};
