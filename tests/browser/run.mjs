// The product in Chromium, on the demo's books: what a newcomer does on the first day.
//
//   node tests/browser/run.mjs http://localhost:8080 [folder for screenshots] [a text that the journey's name has]
//
// The journeys are in `journeys/`. Prints a line for each journey and `N passed, N failed`; exits 1 where one failed. Any violation
// of the content security policy, and any error of a script, fails the journey that it happens in.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { browser, only, pictures } from './chromium.mjs';
import app from './journeys/app.mjs';
import audit from './journeys/audit.mjs';
import books from './journeys/books.mjs';
import people from './journeys/people.mjs';

// In this order: the admin who reads the log is removed among people, and the pages of the app are looked at when there
// is something on them.
const journeys = { ...books, ...audit, ...people, ...app };

let [passed, failed] = [0, 0];
for (const [name, journey] of Object.entries(journeys).filter(([name]) => name.includes(only))) {
  try {
    const page = await journey();
    if (pictures) await page.screenshot({ path: join(pictures, `${name.replace(/[^a-z]+/gi, '-')}.png`) });
    assert.deepEqual(page.faults, [], 'the console is clean');
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(
      `FAILED  ${name}\n        ${String(error.stack ?? error)
        .split('\n')
        .slice(0, 12)
        .join('\n        ')}`,
    );
    if (pictures) {
      let n = readdirSync(pictures).length;
      for (const context of browser.contexts())
        for (const page of context.pages())
          await page.screenshot({ path: join(pictures, `failed-${n++}.png`) }).catch(() => {});
    }
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
