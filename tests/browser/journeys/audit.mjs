// The audit log: read, followed, filtered, verified, taken out.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

import { ask, enter, program, shoot, signIn, tamper, url } from '../chromium.mjs';

export default {
  async 'an admin reads the audit log and does not take it out'() {
    const page = await signIn('Adam', '246810');
    await page.goto(`${url}/t/northwind/audit`);
    await page.getByRole('row').nth(1).waitFor();
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('dialog').getByText('You may not export the audit log.').waitFor();
    return page;
  },

  async "the log grows before one's eyes, and a big import tells how far it has come"() {
    const owner = await signIn('Olivia');
    await owner.goto(`${url}/t/northwind/audit`);
    const live = owner.getByRole('button', { name: 'Live', pressed: true });
    await live.waitFor();
    const other = await signIn('Olivia');
    await other.goto(`${url}/t/northwind/import`);
    await other.getByRole('button', { name: /import statement/i }).waitFor();
    const name = `Live ${crypto.randomUUID()}`;
    const made = await ask(
      other,
      'mutation($name: String!) { createCategory(input: { name: $name }) { category { id } } }',
      { name },
    );
    assert.ok(made.body.data?.createCategory.category, JSON.stringify(made));
    await owner.getByText('category.created').first().waitFor();
    await live.click();
    await owner.getByRole('button', { name: 'Live', pressed: false }).waitFor();

    const number = 'GB82WEST12345698765432';
    await ask(
      other,
      'mutation($i: CreateAccountInput!) { createAccount(input: $i) { account { id } userErrors { code } } }',
      { i: { name: `Big ${name}`, currency: 'GBP', number } },
    );
    const entries = Array.from(
      { length: 30000 },
      (_, n) => `:61:2601050105C1,00NTRFNONREF\n:86:${name} ${n}`,
    );
    const file = `:20:BIG\n:25:${number}\n:28C:1/1\n:60F:C260101GBP0,00\n${entries.join('\n')}\n:62F:C260131GBP30000,00\n-\n`;
    await other
      .locator('input[type=file]')
      .setInputFiles({ name: 'big.sta', mimeType: 'text/plain', buffer: Buffer.from(file) });
    await other.getByRole('button', { name: /import statement/i }).click();
    await other.getByText(/of 30,000 transactions compared/).waitFor();
    await other.getByText('30,000').last().waitFor();
    return owner;
  },

  async 'the audit log is filtered by its address, and an entry tells its difference and its decision'() {
    const page = await signIn('Olivia');
    await page.goto(`${url}/t/northwind/audit`);
    await page.getByRole('row').nth(5).waitFor();
    await page.getByLabel('Action', { exact: true }).fill('transaction.categorized');
    await page.keyboard.press('Enter');
    await page.waitForURL(/audit\?action=transaction\.categorized$/);
    await page.getByLabel('Outcome').selectOption('DONE');
    await page.waitForURL(/outcome=DONE/);
    await page.goBack();
    await page.waitForURL(/audit\?action=transaction\.categorized$/);
    assert.equal(await page.getByLabel('Outcome').inputValue(), '', 'back is the choice before');
    await page.reload();
    await page
      .getByRole('row', { name: /transaction\.categorized/ })
      .nth(2)
      .waitFor();
    assert.equal(await page.getByLabel('Action', { exact: true }).inputValue(), 'transaction.categorized');
    assert.equal(
      await page.getByRole('row').filter({ hasText: 'books.read' }).count(),
      0,
      'and none of another kind',
    );

    const entry = page.getByRole('button', { name: /^Entry \d+/ }).first();
    await entry.click();
    await page.waitForURL(/open=\d+/);
    await page.reload();
    const sheet = page.getByRole('dialog', { name: /^Entry \d+/ });
    await sheet
      .getByRole('region', { name: 'Difference' })
      .getByRole('row', { name: /^Category .*cat_[0-9a-f]{32} .*Changed/ })
      .waitFor();
    const decision = sheet.getByRole('region', { name: 'Decision' });
    await decision.getByText('Mutation.categorizeTransaction').waitFor();
    await decision.getByText(/^Rule \d+$/).waitFor();
    await decision.getByText('The set that serves now').waitFor();
    await sheet.getByText('It says what was hashed').waitFor();
    await shoot(page, 'audit-entry');
    await page.keyboard.press('Escape');
    await page.waitForURL((address) => !address.search.includes('open'));
    await entry.focus();
    await page.keyboard.press('Enter');
    await sheet.getByRole('button', { name: 'All by this actor' }).click();
    await page.waitForURL(/audit\?actor=/);
    return page;
  },

  async 'the browser verifies the chain, and convicts whoever changes a word of it'() {
    const page = await signIn('Olivia');
    // The server signs when it starts: the first rows are in a checkpoint.
    await page.goto(`${url}/t/northwind/audit?open=2`);
    const sheet = page.getByRole('dialog', { name: 'Entry 2' });
    await sheet.getByRole('button', { name: /^Prove/ }).click();
    await sheet.getByText('In a checkpoint that the log’s key signed').waitFor();
    const save = async (name) => {
      const saved = page.waitForEvent('download');
      await sheet.getByRole('button', { name }).click();
      return (await saved).path();
    };
    const [proof, key] = [await save('Download proof'), await save('Download key')];
    assert.equal(JSON.parse(readFileSync(proof, 'utf8')).row.seq, 2);
    await sheet
      .getByText('countersign ledger verify --proof northwind-row-2.json --key northwind.vkey')
      .waitFor();
    const checked = spawnSync(program, ['ledger', 'verify', '--proof', proof, '--key', key], {
      encoding: 'utf8',
    });
    assert.match(checked.stdout, /^row 2 is in the checkpoint of \d+$/m, checked.stderr);
    await page.keyboard.press('Escape');

    const strip = page.getByRole('region', { name: 'Chain head' });
    const verify = async () => {
      await strip.getByLabel('First row').fill('1');
      await strip.getByLabel('Last row').fill('40');
      await strip.getByRole('button', { name: 'Verify in this browser' }).click();
    };
    await verify();
    await strip.getByText('40 rows: each says what was hashed and goes on from the one before.').waitFor();
    await strip.getByRole('img', { name: /^Rows 1 to 40: .*verified and in a signed checkpoint$/ }).waitFor();
    await strip.getByText(/is in the checkpoint of/).waitFor();
    await shoot(page, 'audit-verified');

    const row = (data, seq) => data.auditEntries.nodes.find((one) => one.seq === seq);
    for (const [change, told] of [
      [(data) => (row(data, 17).actorId = 'usr_somebody_else'), /Row 17 is not what was recorded/],
      [(data) => (row(data, 23).outcome = 'FAILED'), /Row 23 is not what was recorded/],
      [(data) => (row(data, 31).hash = row(data, 30).hash), /Row 31 is not what was recorded/],
      [
        (data) => (row(data, 9).previousHash = row(data, 9).hash),
        /Row 9 does not go on from the row before it/,
      ],
      [(data) => data.auditEntries.nodes.splice(20, 1), /Row 20 is missing/],
    ]) {
      const restore = await tamper(page, 'AuditRange', change);
      await verify();
      await strip.getByText(told).waitFor();
      await strip.getByRole('img', { name: /^Rows 1 to 40: [12] broken/ }).waitFor();
      await restore();
    }
    await shoot(page, 'audit-broken');
    const restore = await tamper(page, 'AuditInclusion', (data) => {
      const checkpoint = data.auditInclusionProof.checkpoint;
      checkpoint.note = checkpoint.note.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`);
    });
    await verify();
    await strip.getByText(/is not signed with the log’s key/).waitFor();
    await restore();

    await strip.getByRole('button', { name: 'Checkpoints' }).click();
    const checkpoints = page.getByRole('dialog', { name: 'Checkpoints' });
    await checkpoints
      .getByRole('row', { name: /ago|just now/ })
      .first()
      .waitFor();
    await checkpoints.getByText(/^[0-9a-f]{64}$/).waitFor();
    // What was kept convicts: here it is the oldest, and then the same with another size.
    const note = page.waitForEvent('download');
    await checkpoints
      .getByRole('button', { name: /^Note of/ })
      .last()
      .click();
    const kept = readFileSync(await (await note).path(), 'utf8');
    const compare = (text) =>
      checkpoints
        .getByLabel('Kept checkpoint')
        .setInputFiles({ name: 'kept.checkpoint', mimeType: 'text/plain', buffer: Buffer.from(text) });
    await compare(kept);
    await checkpoints.getByText(/^The log goes on from the [\d,]+ rows that you kept/).waitFor();
    await shoot(page, 'audit-checkpoints');
    await compare(kept.replace(/\n\d+\n/, '\n3\n'));
    await checkpoints.getByText(/^That is no checkpoint that the key of this log signed/).waitFor();
    await page.keyboard.press('Escape');
    const worker = await signIn('Wanda');
    await worker.goto(`${url}/t/northwind/audit?open=2`);
    await worker.getByText('Audit log: hidden by policy').waitFor();
    assert.equal(await worker.getByRole('dialog').count(), 0);
    worker.faults.length = 0;
    return page;
  },

  async 'an owner exports the audit log with a second factor, and the file verifies by the line that is shown'() {
    const page = await signIn('Olivia');
    await page.goto(`${url}/t/northwind/audit`);
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await dialog.getByText('you signed in without one').waitFor();
    assert.equal(
      await dialog.getByRole('button', { name: 'Export' }).count(),
      0,
      'there is nothing to press',
    );
    await shoot(page, 'export-without-factor');
    await dialog.getByRole('link', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(/\/sign-in/);

    await enter(page, 'Olivia', '246810');
    await page.goto(`${url}/t/northwind/audit?action=statement.imported`);
    const take = async (format) => {
      await page.getByRole('button', { name: 'Export', exact: true }).click();
      assert.equal(
        await dialog.getByLabel('Of this action').inputValue(),
        'statement.imported',
        'what the page shows',
      );
      await dialog.getByLabel(format).check();
      await shoot(page, 'export');
      const coming = page.waitForEvent('download');
      await dialog.getByRole('button', { name: 'Export', exact: true }).click();
      const download = await coming;
      const file = await download.path();
      const line = await dialog.locator('code', { hasText: 'countersign ledger verify' }).innerText();
      await shoot(page, 'exported');
      await dialog.getByRole('button', { name: 'Done' }).click();
      const [, name, key] = line.match(/^countersign ledger verify --export (\S+) --key '(\S+)'$/);
      assert.equal(download.suggestedFilename(), name);
      return {
        text: readFileSync(file, 'utf8'),
        verify: (path) =>
          spawnSync(program, ['ledger', 'verify', '--export', path, '--key', key], { encoding: 'utf8' }),
        file,
      };
    };
    for (const format of [/JSON Lines/, /CSV/]) {
      const { text, verify, file } = await take(format);
      assert.ok(text.includes('statement.imported') && !text.includes('books.read'), 'what was chosen');
      const told = verify(file);
      assert.equal(told.status, 0, `${told.error ?? ''}${told.stdout}${told.stderr}`);
      assert.match(told.stdout, /filter: action=statement\.imported/);
      const changed = `${file}.changed`;
      writeFileSync(changed, text.replace('DONE', 'FAILED'));
      assert.equal(verify(changed).status, 1, 'and not what somebody changed');
    }
    await page.goto(`${url}/t/northwind/audit?action=audit.export_ended`);
    await page.getByRole('row').nth(2).waitFor();
    return page;
  },
};
