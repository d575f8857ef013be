// Who may what: access, credentials, tokens, roles, members.

import assert from 'node:assert/strict';

import { ask, asks, choose, shoot, signIn, url } from '../chromium.mjs';

export default {
  async 'an owner asks what a member may, and who may'() {
    const page = await signIn('Olivia');
    await page.goto(`${url}/t/northwind/access`);
    await page.getByLabel('Of whom').selectOption({ label: 'Wanda Novak' });
    await page.getByRole('row', { name: /Mutation\.removeMember admin\.member Refused/ }).waitFor();
    await page.getByLabel('Action or group').fill('read.financial');
    await page.getByRole('button', { name: 'Transaction.amount' }).click();
    await page.getByText('Wanda Novak may see the amount of a transaction, on some rows').waitFor();
    const who = page.getByRole('region', { name: 'Who may' });
    await who.getByRole('row', { name: /Wanda Novak worker Some rows in their own care/ }).waitFor();
    await who.getByRole('row', { name: /financial:read Some rows not of the household/ }).waitFor();
    await page.getByLabel('Action', { exact: true }).selectOption('Mutation.createApiToken');
    await page.getByText('Wanda Novak may not create API token').waitFor();
    await page.getByText('worker.never-administers').first().waitFor();
    return page;
  },

  async 'an owner stores a credential, which nobody reads again, and revokes it'() {
    const page = await signIn('Olivia');
    await page.goto(`${url}/t/northwind/credentials`);
    await page.getByRole('button', { name: 'Store credential' }).first().click();
    const secret = `sk-browser-${'0123456789abcdef'.repeat(2)}`;
    await page.getByLabel('Name').fill('Assistant');
    await page.getByLabel('Credential', { exact: true }).fill(secret);
    await page.getByRole('dialog').getByRole('button', { name: 'Store credential' }).click();
    const row = page.getByRole('row', { name: /Assistant/ });
    await row.waitFor();
    assert.match(await row.innerText(), /sk-/);
    assert.ok(!(await page.content()).includes(secret), 'what was stored is nowhere on the page');
    await shoot(page, 'credential');
    await page.getByRole('button', { name: 'Revoke Assistant' }).click();
    await page
      .getByRole('alertdialog')
      .or(page.getByRole('dialog'))
      .getByRole('button', { name: /^Revoke/ })
      .click();
    await row.getByText('Revoked, erased').waitFor();
    return page;
  },

  async 'a worker has no way to the credentials'() {
    const page = await signIn('Wanda');
    await page.goto(`${url}/t/northwind/credentials`);
    await page.getByText('Credentials: hidden by policy').waitFor();
    assert.equal(
      await page.getByRole('link', { name: 'Credentials', exact: true }).count(),
      0,
      'no way leads there',
    );
    assert.equal(await page.getByRole('row').count(), 0, 'and reads none');
    return page;
  },

  async 'a token is shown once, works outside, and is refused what needs a human'() {
    const page = await signIn('Olivia');
    await choose(page, 'northwind');
    await page.goto(`${url}/t/northwind/tokens`);
    await page
      .getByRole('button', { name: /create token|new token/i })
      .first()
      .click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/name/i).first().fill('browser test');
    await dialog.getByRole('checkbox').first().check();
    await dialog.getByRole('button', { name: /create token/i }).click();
    await page
      .getByText(/cst_[0-9A-Za-z]{49}/)
      .first()
      .waitFor();
    const token = (await page.getByRole('dialog').innerText()).match(/cst_[0-9A-Za-z]{49}/)[0];
    await page.keyboard.press('Escape');
    assert.equal(
      (await page.getByText(token).count()) > 0,
      true,
      'the dialog stays until the token is taken',
    );
    await page.getByRole('button', { name: /I have copied it/ }).click();
    const outside = async (query) => {
      const answer = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': crypto.randomUUID(),
          authorization: `Bearer ${token}`,
        },
        body: JSON.stringify({ query }),
      });
      return answer.json();
    };
    const read = await outside('{ viewer { kind } transactions(first: 1) { nodes { amount magnitude } } }');
    assert.equal(read.data.viewer.kind, 'MACHINE');
    assert.equal(read.data.transactions.nodes[0].amount, null);
    assert.match(read.extensions.redactions[0].rule, /machine\.financial/);
    const refused = await outside(
      'mutation { createApiToken(input: { name: "x", scopes: ["basic:read"] }) { plainToken } }',
    );
    assert.equal(refused.errors[0].extensions.rule, 'machine.never-attributed');
    return page;
  },

  async 'an owner makes a role, sees what it would come to, gives it, and it holds at once'() {
    const owner = await signIn('Olivia');
    const wanda = await signIn('Wanda');
    const hidden = wanda.getByRole('button', { name: /Amount: Hidden by policy/ });
    const amounts = async () => {
      await wanda.goto(`${url}/t/northwind/transactions`);
      await wanda.getByRole('row').nth(5).waitFor();
      return hidden.count();
    };
    assert.ok((await amounts()) > 0, 'a worker does not see all amounts');
    await owner.goto(`${url}/t/northwind/roles`);
    await owner.getByText('Bookkeeping trainee').waitFor();
    await owner.getByRole('button', { name: 'Create role' }).click();
    const dialog = owner.getByRole('dialog');
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Cost watcher');
    await dialog.getByLabel('Stands on').selectOption('worker');
    await dialog.getByRole('checkbox', { name: /Read amounts/ }).check();
    await dialog.getByRole('checkbox', { name: /Run members/ }).check();
    const preview = dialog.getByRole('region', { name: 'Preview' });
    await preview.getByText(/Read amounts · rows of the company/).waitFor();
    await preview.getByText('worker.never-administers').waitFor();
    await shoot(owner, 'role-editor');
    await dialog.getByRole('button', { name: 'Create role' }).click();
    await dialog.waitFor({ state: 'detached' });
    await shoot(owner, 'roles');

    await owner.goto(`${url}/t/northwind/members`);
    await owner.getByRole('button', { name: 'Change Olivia Park' }).click();
    await dialog.getByLabel('Role', { exact: true }).selectOption('admin');
    await dialog
      .getByRole('alert')
      .getByText(/keeps at least one owner/)
      .waitFor();
    await owner.keyboard.press('Escape');
    await owner.getByRole('button', { name: 'Change Wanda Novak' }).click();
    await dialog.getByLabel('Role', { exact: true }).selectOption({ label: 'Cost watcher (on worker)' });
    await preview.getByText(/Read amounts · rows of the company/).waitFor();
    await shoot(owner, 'member-change');
    await dialog.getByRole('button', { name: 'Save change' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await amounts(), 0, 'it holds from the next request on');

    // A change of the role is previewed for who has it, and a role in use is not deleted.
    await owner.goto(`${url}/t/northwind/roles`);
    await owner.getByRole('button', { name: 'Change role Cost watcher' }).click();
    await dialog.getByRole('checkbox', { name: /Read amounts/ }).uncheck();
    await dialog.getByText('1 member is affected').waitFor();
    await dialog.getByRole('cell', { name: 'Wanda Novak' }).waitFor();
    await preview.getByText('loses').first().waitFor();
    await shoot(owner, 'role-change');
    await owner.keyboard.press('Escape');
    await owner.getByRole('button', { name: 'Delete role Cost watcher' }).click();
    await dialog.getByRole('button', { name: 'Delete role' }).click();
    await dialog.getByText(/1 member has this role/).waitFor();
    await owner.keyboard.press('Escape');
    await owner.goto(`${url}/t/northwind/members`);
    await owner.getByText('on worker').first().waitFor();
    await owner.getByRole('button', { name: 'Change Wanda Novak' }).click();
    await dialog.getByLabel('Role', { exact: true }).selectOption('worker');
    await preview.getByText('loses').first().waitFor();
    await dialog.getByRole('button', { name: 'Save change' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.ok((await amounts()) > 0, 'and is taken at once');
    await owner.goto(`${url}/t/northwind/roles`);
    await owner.getByRole('button', { name: 'Delete role Cost watcher' }).click();
    await dialog.getByRole('button', { name: 'Delete role' }).click();
    await owner.getByRole('button', { name: 'Delete role Cost watcher' }).waitFor({ state: 'detached' });
    return owner;
  },

  async "a removed member's very next request is refused, and all of it is in the log"() {
    const owner = await signIn('Olivia');
    const adam = await signIn('Adam');
    assert.equal((await ask(adam, '{ viewer { kind } }')).status, 200);
    await choose(owner, 'northwind');
    await owner.goto(`${url}/t/northwind/members`);
    await owner.getByRole('button', { name: /Remove Adam/ }).click();
    const done = owner.waitForResponse((answer) => asks(answer.request(), 'RemoveMember'));
    await owner
      .getByRole('dialog')
      .or(owner.getByRole('alertdialog'))
      .getByRole('button', { name: /remove/i })
      .last()
      .click();
    assert.equal((await (await done).json()).data.removeMember.userErrors?.length ?? 0, 0);
    const after = await ask(adam, '{ viewer { kind } }');
    assert.ok(after.status === 401 || after.status === 403, `${after.status}`);
    await owner.goto(`${url}/t/northwind/audit`);
    await owner.getByText('member.removed').first().waitFor();
    await owner.getByRole('region', { name: 'Chain head' }).waitFor();
    adam.faults.length = 0;
    return owner;
  },
};
