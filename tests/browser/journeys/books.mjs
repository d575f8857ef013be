// Books: what is seen of them, what is hidden and why, filters, an import.

import assert from 'node:assert/strict';

import { ask, signIn, url } from '../chromium.mjs';

export default {
  async 'an owner signs in, sees the books, and changes the tenant'() {
    const page = await signIn('Olivia');
    await page.goto(`${url}/t/northwind/transactions`);
    await page.getByRole('heading', { name: 'Transactions' }).waitFor();
    await page.getByRole('row').nth(5).waitFor();
    assert.match(await page.getByRole('main').innerText(), /EUR/);
    await page.goto(`${url}/t/alder/accounts`);
    await page.getByText('Bakery account').first().waitFor();
    assert.equal(await page.getByText('Field card').count(), 0, "the other tenant's accounts are gone");
    return page;
  },

  async 'a worker sees a cell that policy hides, and their own card in full'() {
    const page = await signIn('Wanda');
    await page.goto(`${url}/t/northwind/transactions`);
    const hidden = page.getByRole('button', { name: /Amount: Hidden by policy/ }).first();
    await hidden.waitFor();
    await hidden.click();
    await page
      .getByText(/human\.financial/)
      .first()
      .waitFor();
    return page;
  },

  async 'a worker clicks on a hidden amount and reads why'() {
    const page = await signIn('Wanda');
    await page.goto(`${url}/t/northwind/transactions`);
    await page
      .getByRole('button', { name: /Amount: Hidden by policy/ })
      .first()
      .click();
    await page.getByRole('link', { name: 'Why?' }).click();
    await page.waitForURL(/\/access\?action=Transaction\.amount&node=txn_/);
    const told = page.getByRole('article', { name: 'Explanation' });
    await told.getByText('You may not see the amount of this transaction').waitFor();
    const text = await told.innerText();
    assert.match(text, /No rule permits it/);
    assert.match(text, /human\.financial-custodian[\s\S]*Missing: a row in your own care/);
    assert.match(text, /Rows that are in your own care/);
    assert.match(text, /Role\s+worker/);
    await told.getByText('The rule’s text').first().click();
    await told
      .getByText(/resource\.custodian == principal/)
      .first()
      .waitFor();
    const who = page.getByRole('region', { name: 'Who may' });
    await who
      .getByRole('row', { name: /accountant Some rows in their own care, or not of the household/ })
      .waitFor();
    assert.equal(await who.getByText('By member').count(), 0, 'a worker reads no members');
    assert.equal(await page.getByLabel('Of whom').count(), 0, 'and asks about nobody else');
    assert.equal(await page.getByRole('link', { name: 'Access', exact: true }).count(), 1);
    return page;
  },

  async 'filters stand in the address and pages go on'() {
    const page = await signIn('Mara');
    await page.goto(`${url}/t/northwind/transactions`);
    await page.getByRole('row').nth(5).waitFor();
    const before = await page.getByRole('row').count();
    await page
      .getByRole('button', { name: /load more|more/i })
      .last()
      .click();
    await page.waitForFunction((n) => document.querySelectorAll('tr, [role=row]').length > n, before);
    const text = page.getByPlaceholder(/text or counterparty/i);
    // Slowly, so that the address changes before the last key.
    await text.pressSequentially('rent', { delay: 400 });
    await page.waitForURL(/text=rent$/);
    assert.equal(await text.inputValue(), 'rent');
    return page;
  },

  async 'a statement is imported through the app, and recognised the second time'() {
    const page = await signIn('Lena');
    const number = 'GB33BUKB20201555555555';
    const made = await ask(
      page,
      'mutation($i: CreateAccountInput!) { createAccount(input: $i) { account { id } userErrors { code } } }',
      { i: { name: 'Browser account', currency: 'GBP', number } },
    );
    assert.ok(
      made.body.data.createAccount.account ?? made.body.data.createAccount.userErrors[0],
      JSON.stringify(made.body),
    );
    const file = `:20:BROWSER1\n:25:${number}\n:28C:1/1\n:60F:C260101GBP100,00\n:61:2601050105D25,00NTRFNONREF\n:86:Office supplies\n:62F:C260131GBP75,00\n-\n`;
    for (const again of [false, true]) {
      await page.goto(`${url}/t/lumen/import`);
      await page
        .locator('input[type=file]')
        .setInputFiles({ name: 'january.sta', mimeType: 'text/plain', buffer: Buffer.from(file) });
      await page.getByRole('button', { name: /import statement/i }).click();
      await page
        .getByText(again ? /imported before|already/i : /75\.00/)
        .first()
        .waitFor();
    }
    return page;
  },
};
