// The product in Chromium, on the demo's books: what a newcomer does on the first day.
//
//   node tests/browser/run.mjs http://localhost:8080 [folder for screenshots] [a text that the journey's name has]
//
// Prints a line for each journey and `N passed, N failed`; exits 1 where one failed. Any violation
// of the content security policy, and any error of a script, fails the journey that it happens in.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [, , url = "http://localhost:8080", pictures, only = ""] = process.argv;
const here = fileURLToPath(new URL(".", import.meta.url));
// What verifies an export without the server.
const program = process.env.COUNTERSIGN ?? join(here, "../../target/debug/countersign");
const required = createRequire(join(here, "../../web/package.json"));
const { chromium } = required("playwright-core");
const { source: axe } = required("axe-core");
if (pictures) mkdirSync(pictures, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});

/** A browser of its own, signed in as somebody; with a code, with a second factor. */
async function signIn(name, code) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("console", (message) => {
    const text = message.text();
    // A refused request is part of the journey; the browser reports it all the same.
    if (message.type() === "error" && !text.includes("Failed to load resource")) page.faults.push(text);
  });
  await page.goto(`${url}/`);
  await enter(page, name, code);
  return page;
}

/** From the product's sign-in page through the provider's, and back. */
async function enter(page, name, code) {
  await page.getByRole("button", { name: /sign in/i }).or(page.getByRole("link", { name: /sign in/i })).first().click();
  await page.getByLabel(new RegExp(name)).check();
  await page.getByLabel("Password").fill("countersign");
  if (code) await page.getByLabel(/One-time code/).fill(code);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(/\/t\/[a-z]+\//);
}

/** GraphQL as the page itself asks it. */
const ask = (page, query, variables = {}) =>
  page.evaluate(
    async ([query, variables]) => {
      const answer = await fetch("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json", "x-csrf": "1", "idempotency-key": crypto.randomUUID(), accept: "application/graphql-response+json" },
        body: JSON.stringify({ query, variables }),
      });
      return { status: answer.status, body: await answer.json() };
    },
    [query, variables],
  );

const shoot = (page, name) => (pictures ? page.screenshot({ path: join(pictures, `${name}.png`) }) : undefined);

/** What a request of the page asks for, by the name of its operation. */
const documents = JSON.parse(readFileSync(join(here, "../../web/src/graphql/generated/documents.json"), "utf8"));
const asks = (request, name) => (request.postData() ?? "").includes(documents[name].documentId);

/** Changes what the server answers to an operation on its way to the page. Gives the way to stop. */
async function tamper(page, name, change) {
  const handler = async (route) => {
    if (!asks(route.request(), name)) return route.fallback();
    const response = await route.fetch();
    const body = await response.json();
    change(body.data);
    await route.fulfill({ response, json: body });
  };
  await page.route("**/graphql", handler);
  return () => page.unroute("**/graphql", handler);
}

const choose = (page, slug) =>
  page.evaluate(
    (slug) => fetch("/bff/tenant", { method: "POST", headers: { "content-type": "application/json", "x-csrf": "1" }, body: JSON.stringify({ slug }) }),
    slug,
  );

const journeys = {
  async "an owner signs in, sees the books, and changes the tenant"() {
    const page = await signIn("Olivia");
    await page.goto(`${url}/t/northwind/transactions`);
    await page.getByRole("heading", { name: "Transactions" }).waitFor();
    await page.getByRole("row").nth(5).waitFor();
    assert.match(await page.getByRole("main").innerText(), /EUR/);
    await page.goto(`${url}/t/alder/accounts`);
    await page.getByText("Bakery account").first().waitFor();
    assert.equal(await page.getByText("Field card").count(), 0, "the other tenant's accounts are gone");
    return page;
  },

  async "a worker sees a cell that policy hides, and their own card in full"() {
    const page = await signIn("Wanda");
    await page.goto(`${url}/t/northwind/transactions`);
    const hidden = page.getByRole("button", { name: /Amount: Hidden by policy/ }).first();
    await hidden.waitFor();
    await hidden.click();
    await page.getByText(/human\.financial/).first().waitFor();
    return page;
  },

  async "a worker clicks on a hidden amount and reads why"() {
    const page = await signIn("Wanda");
    await page.goto(`${url}/t/northwind/transactions`);
    await page.getByRole("button", { name: /Amount: Hidden by policy/ }).first().click();
    await page.getByRole("link", { name: "Why?" }).click();
    await page.waitForURL(/\/access\?action=Transaction\.amount&node=txn_/);
    const told = page.getByRole("article", { name: "Explanation" });
    await told.getByText("You may not see the amount of this transaction").waitFor();
    const text = await told.innerText();
    assert.match(text, /No rule permits it/);
    assert.match(text, /human\.financial-custodian[\s\S]*Missing: a row in your own care/);
    assert.match(text, /Rows that are in your own care/);
    assert.match(text, /Role\s+worker/);
    await told.getByText("The rule’s text").first().click();
    await told.getByText(/resource\.custodian == principal/).first().waitFor();
    const who = page.getByRole("region", { name: "Who may" });
    await who.getByRole("row", { name: /accountant Some rows in their own care, or not of the household/ }).waitFor();
    assert.equal(await who.getByText("By member").count(), 0, "a worker reads no members");
    assert.equal(await page.getByLabel("Of whom").count(), 0, "and asks about nobody else");
    assert.equal(await page.getByRole("link", { name: "Access", exact: true }).count(), 1);
    return page;
  },

  async "an owner asks what a member may, and who may"() {
    const page = await signIn("Olivia");
    await page.goto(`${url}/t/northwind/access`);
    await page.getByLabel("Of whom").selectOption({ label: "Wanda Novak" });
    await page.getByRole("row", { name: /Mutation\.removeMember admin\.member Refused/ }).waitFor();
    await page.getByLabel("Action or group").fill("read.financial");
    await page.getByRole("button", { name: "Transaction.amount" }).click();
    await page.getByText("Wanda Novak may see the amount of a transaction, on some rows").waitFor();
    const who = page.getByRole("region", { name: "Who may" });
    await who.getByRole("row", { name: /Wanda Novak worker Some rows in their own care/ }).waitFor();
    await who.getByRole("row", { name: /financial:read Some rows not of the household/ }).waitFor();
    await page.getByLabel("Action", { exact: true }).selectOption("Mutation.createApiToken");
    await page.getByText("Wanda Novak may not create API token").waitFor();
    await page.getByText("worker.never-administers").first().waitFor();
    return page;
  },

  async "an owner stores a credential, which nobody reads again, and revokes it"() {
    const page = await signIn("Olivia");
    await page.goto(`${url}/t/northwind/credentials`);
    await page.getByRole("button", { name: "Store credential" }).first().click();
    const secret = `sk-browser-${"0123456789abcdef".repeat(2)}`;
    await page.getByLabel("Name").fill("Assistant");
    await page.getByLabel("Credential", { exact: true }).fill(secret);
    await page.getByRole("dialog").getByRole("button", { name: "Store credential" }).click();
    const row = page.getByRole("row", { name: /Assistant/ });
    await row.waitFor();
    assert.match(await row.innerText(), /sk-/);
    assert.ok(!(await page.content()).includes(secret), "what was stored is nowhere on the page");
    await shoot(page, "credential");
    await page.getByRole("button", { name: "Revoke Assistant" }).click();
    await page.getByRole("alertdialog").or(page.getByRole("dialog")).getByRole("button", { name: /^Revoke/ }).click();
    await row.getByText("Revoked, erased").waitFor();
    return page;
  },

  async "a worker has no way to the credentials"() {
    const page = await signIn("Wanda");
    await page.goto(`${url}/t/northwind/credentials`);
    await page.getByText("Credentials: hidden by policy").waitFor();
    assert.equal(await page.getByRole("link", { name: "Credentials", exact: true }).count(), 0, "no way leads there");
    assert.equal(await page.getByRole("row").count(), 0, "and reads none");
    return page;
  },

  async "every page has a title of its own, fits a desk and a phone, and has no fault that axe finds"() {
    const page = await signIn("Olivia");
    const pages = {
      transactions: "Transactions",
      accounts: "Accounts",
      import: "Import",
      imports: "Statements",
      members: "Members",
      roles: "Roles",
      tokens: "API tokens",
      credentials: "Credentials",
      audit: "Audit log",
      access: "Access",
    };
    for (const [width, height] of [[1280, 800], [390, 844]]) {
      await page.setViewportSize({ width, height });
      for (const [path, title] of Object.entries(pages)) {
        const where = `${path} at ${width}`;
        await page.goto(`${url}/t/northwind/${path}`);
        await page.getByRole("heading", { level: 1, name: title }).waitFor();
        await page.waitForLoadState("networkidle", { timeout: 2_000 }).catch(() => {});
        assert.equal(await page.title(), `${title} – Northwind Traders – Countersign`);
        const wide = () => [document.documentElement, ...document.querySelectorAll("main .overflow-x-auto")].filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.outerHTML.slice(0, 80));
        assert.deepEqual(await page.evaluate(wide), [], `${where} is too wide`);
        await page.evaluate(axe);
        const { violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
        assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], where);
        await shoot(page, `fits-${width}-${path}`);
      }
    }
    return page;
  },

  async "a sheet that is closed does not come back by the way back, and the focus returns to its row"() {
    const page = await signIn("Olivia");
    for (const [title, row] of [["Transactions", /^Open /], ["Audit log", /^Entry \d+/]]) {
      await page.goto(`${url}/t/northwind/accounts`);
      await page.getByRole("link", { name: title, exact: true }).click();
      // The very row: others come before it as the log grows.
      const opener = await page.getByRole("button", { name: row }).nth(1).elementHandle();
      const name = await opener.textContent();
      await opener.click();
      await page.waitForURL(/open=/);
      const link = page.url();
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.keyboard.press("Escape");
      await page.waitForURL((address) => !address.search.includes("open"));
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal(await page.evaluate(() => document.activeElement.textContent), name, "the focus is at its row");
      await page.goBack();
      await page.waitForURL(/accounts$/);
      // Who came by a link has nowhere to go back to, and stays.
      const other = await page.context().newPage();
      await other.goto(link);
      await other.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).click();
      await other.waitForURL((address) => address.href === link.replace(/\?.*/, ""));
      await other.getByRole("heading", { name: title }).waitFor();
      await other.close();
    }
    return page;
  },

  async "filters stand in the address and pages go on"() {
    const page = await signIn("Mara");
    await page.goto(`${url}/t/northwind/transactions`);
    await page.getByRole("row").nth(5).waitFor();
    const before = await page.getByRole("row").count();
    await page.getByRole("button", { name: /load more|more/i }).last().click();
    await page.waitForFunction((n) => document.querySelectorAll("tr, [role=row]").length > n, before);
    const text = page.getByPlaceholder(/text or counterparty/i);
    // Slowly, so that the address changes before the last key.
    await text.pressSequentially("rent", { delay: 400 });
    await page.waitForURL(/text=rent$/);
    assert.equal(await text.inputValue(), "rent");
    return page;
  },

  async "a statement is imported through the app, and recognised the second time"() {
    const page = await signIn("Lena");
    const number = "GB33BUKB20201555555555";
    const made = await ask(page, "mutation($i: CreateAccountInput!) { createAccount(input: $i) { account { id } userErrors { code } } }", { i: { name: "Browser account", currency: "GBP", number } });
    assert.ok(made.body.data.createAccount.account ?? made.body.data.createAccount.userErrors[0], JSON.stringify(made.body));
    const file = `:20:BROWSER1\n:25:${number}\n:28C:1/1\n:60F:C260101GBP100,00\n:61:2601050105D25,00NTRFNONREF\n:86:Office supplies\n:62F:C260131GBP75,00\n-\n`;
    for (const again of [false, true]) {
      await page.goto(`${url}/t/lumen/import`);
      await page.locator("input[type=file]").setInputFiles({ name: "january.sta", mimeType: "text/plain", buffer: Buffer.from(file) });
      await page.getByRole("button", { name: /import statement/i }).click();
      await page.getByText(again ? /imported before|already/i : /75\.00/).first().waitFor();
    }
    return page;
  },

  async "a token is shown once, works outside, and is refused what needs a human"() {
    const page = await signIn("Olivia");
    await choose(page, "northwind");
    await page.goto(`${url}/t/northwind/tokens`);
    await page.getByRole("button", { name: /create token|new token/i }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(/name/i).first().fill("browser test");
    await dialog.getByRole("checkbox").first().check();
    await dialog.getByRole("button", { name: /create token/i }).click();
    await page.getByText(/cst_[0-9A-Za-z]{49}/).first().waitFor();
    const token = (await page.getByRole("dialog").innerText()).match(/cst_[0-9A-Za-z]{49}/)[0];
    await page.keyboard.press("Escape");
    assert.equal(await page.getByText(token).count() > 0, true, "the dialog stays until the token is taken");
    await page.getByRole("button", { name: /I have copied it/ }).click();
    const outside = async (query) => {
      const answer = await fetch(`${url}/graphql`, { method: "POST", headers: { "content-type": "application/json", "idempotency-key": crypto.randomUUID(), authorization: `Bearer ${token}` }, body: JSON.stringify({ query }) });
      return answer.json();
    };
    const read = await outside("{ viewer { kind } transactions(first: 1) { nodes { amount magnitude } } }");
    assert.equal(read.data.viewer.kind, "MACHINE");
    assert.equal(read.data.transactions.nodes[0].amount, null);
    assert.match(read.extensions.redactions[0].rule, /machine\.financial/);
    const refused = await outside('mutation { createApiToken(input: { name: "x", scopes: ["basic:read"] }) { plainToken } }');
    assert.equal(refused.errors[0].extensions.rule, "machine.never-attributed");
    return page;
  },

  async "an owner makes a role, sees what it would come to, gives it, and it holds at once"() {
    const owner = await signIn("Olivia");
    const wanda = await signIn("Wanda");
    const hidden = wanda.getByRole("button", { name: /Amount: Hidden by policy/ });
    const amounts = async () => {
      await wanda.goto(`${url}/t/northwind/transactions`);
      await wanda.getByRole("row").nth(5).waitFor();
      return hidden.count();
    };
    assert.ok((await amounts()) > 0, "a worker does not see all amounts");
    await owner.goto(`${url}/t/northwind/roles`);
    await owner.getByText("Bookkeeping trainee").waitFor();
    await owner.getByRole("button", { name: "Create role" }).click();
    const dialog = owner.getByRole("dialog");
    await dialog.getByRole("textbox", { name: "Name" }).fill("Cost watcher");
    await dialog.getByLabel("Stands on").selectOption("worker");
    await dialog.getByRole("checkbox", { name: /Read amounts/ }).check();
    await dialog.getByRole("checkbox", { name: /Run members/ }).check();
    const preview = dialog.getByRole("region", { name: "Preview" });
    await preview.getByText(/Read amounts · rows of the company/).waitFor();
    await preview.getByText("worker.never-administers").waitFor();
    await shoot(owner, "role-editor");
    await dialog.getByRole("button", { name: "Create role" }).click();
    await dialog.waitFor({ state: "detached" });
    await shoot(owner, "roles");

    await owner.goto(`${url}/t/northwind/members`);
    await owner.getByRole("button", { name: "Change Olivia Park" }).click();
    await dialog.getByLabel("Role", { exact: true }).selectOption("admin");
    await dialog.getByRole("alert").getByText(/keeps at least one owner/).waitFor();
    await owner.keyboard.press("Escape");
    await owner.getByRole("button", { name: "Change Wanda Novak" }).click();
    await dialog.getByLabel("Role", { exact: true }).selectOption({ label: "Cost watcher (on worker)" });
    await preview.getByText(/Read amounts · rows of the company/).waitFor();
    await shoot(owner, "member-change");
    await dialog.getByRole("button", { name: "Save change" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(await amounts(), 0, "it holds from the next request on");

    // A change of the role is previewed for who has it, and a role in use is not deleted.
    await owner.goto(`${url}/t/northwind/roles`);
    await owner.getByRole("button", { name: "Change role Cost watcher" }).click();
    await dialog.getByRole("checkbox", { name: /Read amounts/ }).uncheck();
    await dialog.getByText("1 member is affected").waitFor();
    await dialog.getByRole("cell", { name: "Wanda Novak" }).waitFor();
    await preview.getByText("loses").first().waitFor();
    await shoot(owner, "role-change");
    await owner.keyboard.press("Escape");
    await owner.getByRole("button", { name: "Delete role Cost watcher" }).click();
    await dialog.getByRole("button", { name: "Delete role" }).click();
    await dialog.getByText(/1 member has this role/).waitFor();
    await owner.keyboard.press("Escape");
    await owner.goto(`${url}/t/northwind/members`);
    await owner.getByText("on worker").first().waitFor();
    await owner.getByRole("button", { name: "Change Wanda Novak" }).click();
    await dialog.getByLabel("Role", { exact: true }).selectOption("worker");
    await preview.getByText("loses").first().waitFor();
    await dialog.getByRole("button", { name: "Save change" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.ok((await amounts()) > 0, "and is taken at once");
    await owner.goto(`${url}/t/northwind/roles`);
    await owner.getByRole("button", { name: "Delete role Cost watcher" }).click();
    await dialog.getByRole("button", { name: "Delete role" }).click();
    await owner.getByRole("button", { name: "Delete role Cost watcher" }).waitFor({ state: "detached" });
    return owner;
  },

  async "an admin reads the audit log and does not take it out"() {
    const page = await signIn("Adam", "246810");
    await page.goto(`${url}/t/northwind/audit`);
    await page.getByRole("row").nth(1).waitFor();
    await page.getByRole("button", { name: "Export", exact: true }).click();
    await page.getByRole("dialog").getByText("You may not export the audit log.").waitFor();
    return page;
  },

  async "a removed member's very next request is refused, and all of it is in the log"() {
    const owner = await signIn("Olivia");
    const adam = await signIn("Adam");
    assert.equal((await ask(adam, "{ viewer { kind } }")).status, 200);
    await choose(owner, "northwind");
    await owner.goto(`${url}/t/northwind/members`);
    await owner.getByRole("button", { name: /Remove Adam/ }).click();
    const done = owner.waitForResponse((answer) => asks(answer.request(), "RemoveMember"));
    await owner.getByRole("dialog").or(owner.getByRole("alertdialog")).getByRole("button", { name: /remove/i }).last().click();
    assert.equal((await (await done).json()).data.removeMember.userErrors?.length ?? 0, 0);
    const after = await ask(adam, "{ viewer { kind } }");
    assert.ok(after.status === 401 || after.status === 403, `${after.status}`);
    await owner.goto(`${url}/t/northwind/audit`);
    await owner.getByText("member.removed").first().waitFor();
    await owner.getByRole("region", { name: "Chain head" }).waitFor();
    adam.faults.length = 0;
    return owner;
  },

  async "the log grows before one's eyes, and a big import tells how far it has come"() {
    const owner = await signIn("Olivia");
    await owner.goto(`${url}/t/northwind/audit`);
    const live = owner.getByRole("button", { name: "Live", pressed: true });
    await live.waitFor();
    const other = await signIn("Olivia");
    await other.goto(`${url}/t/northwind/import`);
    await other.getByRole("button", { name: /import statement/i }).waitFor();
    const name = `Live ${crypto.randomUUID()}`;
    const made = await ask(other, "mutation($name: String!) { createCategory(input: { name: $name }) { category { id } } }", { name });
    assert.ok(made.body.data?.createCategory.category, JSON.stringify(made));
    await owner.getByText("category.created").first().waitFor();
    await live.click();
    await owner.getByRole("button", { name: "Live", pressed: false }).waitFor();

    const number = "GB82WEST12345698765432";
    await ask(other, "mutation($i: CreateAccountInput!) { createAccount(input: $i) { account { id } userErrors { code } } }", { i: { name: `Big ${name}`, currency: "GBP", number } });
    const entries = Array.from({ length: 30000 }, (_, n) => `:61:2601050105C1,00NTRFNONREF\n:86:${name} ${n}`);
    const file = `:20:BIG\n:25:${number}\n:28C:1/1\n:60F:C260101GBP0,00\n${entries.join("\n")}\n:62F:C260131GBP30000,00\n-\n`;
    await other.locator("input[type=file]").setInputFiles({ name: "big.sta", mimeType: "text/plain", buffer: Buffer.from(file) });
    await other.getByRole("button", { name: /import statement/i }).click();
    await other.getByText(/of 30,000 transactions compared/).waitFor();
    await other.getByText("30,000").last().waitFor();
    return owner;
  },

  async "the audit log is filtered by its address, and an entry tells its difference and its decision"() {
    const page = await signIn("Olivia");
    await page.goto(`${url}/t/northwind/audit`);
    await page.getByRole("row").nth(5).waitFor();
    await page.getByLabel("Action", { exact: true }).fill("transaction.categorized");
    await page.keyboard.press("Enter");
    await page.waitForURL(/audit\?action=transaction\.categorized$/);
    await page.getByLabel("Outcome").selectOption("DONE");
    await page.waitForURL(/outcome=DONE/);
    await page.goBack();
    await page.waitForURL(/audit\?action=transaction\.categorized$/);
    assert.equal(await page.getByLabel("Outcome").inputValue(), "", "back is the choice before");
    await page.reload();
    await page.getByRole("row", { name: /transaction\.categorized/ }).nth(2).waitFor();
    assert.equal(await page.getByLabel("Action", { exact: true }).inputValue(), "transaction.categorized");
    assert.equal(await page.getByRole("row").filter({ hasText: "books.read" }).count(), 0, "and none of another kind");

    const entry = page.getByRole("button", { name: /^Entry \d+/ }).first();
    await entry.click();
    await page.waitForURL(/open=\d+/);
    await page.reload();
    const sheet = page.getByRole("dialog", { name: /^Entry \d+/ });
    await sheet.getByRole("region", { name: "Difference" }).getByRole("row", { name: /^Category .*cat_[0-9a-f]{32} .*Changed/ }).waitFor();
    const decision = sheet.getByRole("region", { name: "Decision" });
    await decision.getByText("Mutation.categorizeTransaction").waitFor();
    await decision.getByText(/^Rule \d+$/).waitFor();
    await decision.getByText("The set that serves now").waitFor();
    await sheet.getByText("It says what was hashed").waitFor();
    await shoot(page, "audit-entry");
    await page.keyboard.press("Escape");
    await page.waitForURL((address) => !address.search.includes("open"));
    await entry.focus();
    await page.keyboard.press("Enter");
    await sheet.getByRole("button", { name: "All by this actor" }).click();
    await page.waitForURL(/audit\?actor=/);
    return page;
  },

  async "the browser verifies the chain, and convicts whoever changes a word of it"() {
    const page = await signIn("Olivia");
    // The server signs when it starts: the first rows are in a checkpoint.
    await page.goto(`${url}/t/northwind/audit?open=2`);
    const sheet = page.getByRole("dialog", { name: "Entry 2" });
    await sheet.getByRole("button", { name: /^Prove/ }).click();
    await sheet.getByText("In a checkpoint that the log’s key signed").waitFor();
    const save = async (name) => {
      const saved = page.waitForEvent("download");
      await sheet.getByRole("button", { name }).click();
      return (await saved).path();
    };
    const [proof, key] = [await save("Download proof"), await save("Download key")];
    assert.equal(JSON.parse(readFileSync(proof, "utf8")).row.seq, 2);
    await sheet.getByText("countersign ledger verify --proof northwind-row-2.json --key northwind.vkey").waitFor();
    const checked = spawnSync(program, ["ledger", "verify", "--proof", proof, "--key", key], { encoding: "utf8" });
    assert.match(checked.stdout, /^row 2 is in the checkpoint of \d+$/m, checked.stderr);
    await page.keyboard.press("Escape");

    const strip = page.getByRole("region", { name: "Chain head" });
    const verify = async () => {
      await strip.getByLabel("First row").fill("1");
      await strip.getByLabel("Last row").fill("40");
      await strip.getByRole("button", { name: "Verify in this browser" }).click();
    };
    await verify();
    await strip.getByText("40 rows: each says what was hashed and goes on from the one before.").waitFor();
    await strip.getByRole("img", { name: /^Rows 1 to 40: .*verified and in a signed checkpoint$/ }).waitFor();
    await strip.getByText(/is in the checkpoint of/).waitFor();
    await shoot(page, "audit-verified");

    const row = (data, seq) => data.auditEntries.nodes.find((one) => one.seq === seq);
    for (const [change, told] of [
      [(data) => (row(data, 17).actorId = "usr_somebody_else"), /Row 17 is not what was recorded/],
      [(data) => (row(data, 23).outcome = "FAILED"), /Row 23 is not what was recorded/],
      [(data) => (row(data, 31).hash = row(data, 30).hash), /Row 31 is not what was recorded/],
      [(data) => (row(data, 9).previousHash = row(data, 9).hash), /Row 9 does not go on from the row before it/],
      [(data) => data.auditEntries.nodes.splice(20, 1), /Row 20 is missing/],
    ]) {
      const restore = await tamper(page, "AuditRange", change);
      await verify();
      await strip.getByText(told).waitFor();
      await strip.getByRole("img", { name: /^Rows 1 to 40: [12] broken/ }).waitFor();
      await restore();
    }
    await shoot(page, "audit-broken");
    const restore = await tamper(page, "AuditInclusion", (data) => {
      const checkpoint = data.auditInclusionProof.checkpoint;
      checkpoint.note = checkpoint.note.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`);
    });
    await verify();
    await strip.getByText(/is not signed with the log’s key/).waitFor();
    await restore();

    await strip.getByRole("button", { name: "Checkpoints" }).click();
    const checkpoints = page.getByRole("dialog", { name: "Checkpoints" });
    await checkpoints.getByRole("row", { name: /ago|just now/ }).first().waitFor();
    await checkpoints.getByText(/^[0-9a-f]{64}$/).waitFor();
    // What was kept convicts: here it is the oldest, and then the same with another size.
    const note = page.waitForEvent("download");
    await checkpoints.getByRole("button", { name: /^Note of/ }).last().click();
    const kept = readFileSync(await (await note).path(), "utf8");
    const compare = (text) =>
      checkpoints.getByLabel("Kept checkpoint").setInputFiles({ name: "kept.checkpoint", mimeType: "text/plain", buffer: Buffer.from(text) });
    await compare(kept);
    await checkpoints.getByText(/^The log goes on from the [\d,]+ rows that you kept/).waitFor();
    await shoot(page, "audit-checkpoints");
    await compare(kept.replace(/\n\d+\n/, "\n3\n"));
    await checkpoints.getByText(/^That is no checkpoint that the key of this log signed/).waitFor();
    await page.keyboard.press("Escape");
    const worker = await signIn("Wanda");
    await worker.goto(`${url}/t/northwind/audit?open=2`);
    await worker.getByText("Audit log: hidden by policy").waitFor();
    assert.equal(await worker.getByRole("dialog").count(), 0);
    worker.faults.length = 0;
    return page;
  },

  async "the explorer asks with one's own session, and is shown to those who may explore"() {
    const worker = await signIn("Wanda");
    await worker.goto(`${url}/t/northwind/transactions`);
    await worker.getByRole("row").nth(2).waitFor();
    assert.equal(await worker.getByRole("link", { name: /Explorer/ }).count(), 0);
    const owner = await signIn("Olivia");
    await owner.goto(`${url}/t/northwind/accounts`);
    assert.equal(await owner.getByRole("link", { name: /Explorer/ }).getAttribute("href"), "/explorer.html");
    const explorer = await owner.goto(`${url}/explorer.html`);
    const policy = (answer) => answer.headers()["content-security-policy"].split("; ").sort();
    const product = policy(await owner.request.get(`${url}/`));
    // The editor lays out by styles of its own; what runs is as narrow as everywhere.
    const more = policy(explorer).filter((part) => !product.includes(part));
    const expected = ["font-src 'self' data:", "form-action 'none'", "style-src 'self' 'unsafe-inline'", "worker-src 'self'"];
    assert.deepEqual(more, expected);
    assert.ok(policy(explorer).includes("script-src 'self'") && product.includes("style-src 'self'"));
    await owner.locator(".graphiql-query-editor .view-line").nth(5).waitFor();
    await owner.getByRole("button", { name: /execute/i }).click();
    await owner.locator(".result-window").getByText(/Northwind.Traders/).waitFor();
    const nobody = await (await browser.newContext()).newPage();
    await nobody.goto(`${url}/explorer.html`);
    await nobody.waitForURL(/sign-in\?returnUrl=%2Fexplorer\.html$/);
    // The documentation comes from introspection.
    await owner.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await owner.locator(".graphiql-doc-explorer-type-name", { hasText: "Subscription" }).first().waitFor();
    worker.faults.length = 0;
    return owner;
  },

  async "an owner exports the audit log with a second factor, and the file verifies by the line that is shown"() {
    const page = await signIn("Olivia");
    await page.goto(`${url}/t/northwind/audit`);
    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: "Export", exact: true }).click();
    await dialog.getByText("you signed in without one").waitFor();
    assert.equal(await dialog.getByRole("button", { name: "Export" }).count(), 0, "there is nothing to press");
    await shoot(page, "export-without-factor");
    await dialog.getByRole("link", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(/\/sign-in/);

    await enter(page, "Olivia", "246810");
    await page.goto(`${url}/t/northwind/audit?action=statement.imported`);
    const take = async (format) => {
      await page.getByRole("button", { name: "Export", exact: true }).click();
      assert.equal(await dialog.getByLabel("Of this action").inputValue(), "statement.imported", "what the page shows");
      await dialog.getByLabel(format).check();
      await shoot(page, "export");
      const coming = page.waitForEvent("download");
      await dialog.getByRole("button", { name: "Export", exact: true }).click();
      const download = await coming;
      const file = await download.path();
      const line = await dialog.locator("code", { hasText: "countersign ledger verify" }).innerText();
      await shoot(page, "exported");
      await dialog.getByRole("button", { name: "Done" }).click();
      const [, name, key] = line.match(/^countersign ledger verify --export (\S+) --key '(\S+)'$/);
      assert.equal(download.suggestedFilename(), name);
      return { text: readFileSync(file, "utf8"), verify: (path) => spawnSync(program, ["ledger", "verify", "--export", path, "--key", key], { encoding: "utf8" }), file };
    };
    for (const format of [/JSON Lines/, /CSV/]) {
      const { text, verify, file } = await take(format);
      assert.ok(text.includes("statement.imported") && !text.includes("books.read"), "what was chosen");
      const told = verify(file);
      assert.equal(told.status, 0, `${told.error ?? ""}${told.stdout}${told.stderr}`);
      assert.match(told.stdout, /filter: action=statement\.imported/);
      const changed = `${file}.changed`;
      writeFileSync(changed, text.replace("DONE", "FAILED"));
      assert.equal(verify(changed).status, 1, "and not what somebody changed");
    }
    await page.goto(`${url}/t/northwind/audit?action=audit.export_ended`);
    await page.getByRole("row").nth(2).waitFor();
    return page;
  },

  async "signing out ends the session here and at the provider"() {
    const page = await signIn("Ada Brandt");
    await page.getByRole("button", { name: /User menu/ }).click();
    await page.getByRole("link", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(/\/sign-in/);
    assert.equal((await ask(page, "{ viewer { kind } }")).status, 401);
    await page.goto(`${url}/bff/login?returnUrl=/`);
    await page.getByLabel("Password").waitFor();
    return page;
  },
};

let [passed, failed] = [0, 0];
for (const [name, journey] of Object.entries(journeys).filter(([name]) => name.includes(only))) {
  try {
    const page = await journey();
    if (pictures) await page.screenshot({ path: join(pictures, `${name.replace(/[^a-z]+/gi, "-")}.png`) });
    assert.deepEqual(page.faults, [], "the console is clean");
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${String(error.stack ?? error).split("\n").slice(0, 12).join("\n        ")}`);
    if (pictures) {
      let n = readdirSync(pictures).length;
      for (const context of browser.contexts()) for (const page of context.pages()) await page.screenshot({ path: join(pictures, `failed-${n++}.png`) }).catch(() => {});
    }
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
