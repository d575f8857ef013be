// Suites and clients of others against a running server:
//   node tests/conformance/run.mjs http://localhost:8080/graphql cst_…
import audit from './audit.mjs';
import clients from './clients.mjs';
import evolution from './evolution.mjs';
import lint from './lint.mjs';
import relay from './relay.mjs';
import subscriptions from './subscriptions.mjs';

const [, , url, token] = process.argv;
const counts = { passed: 0, failed: 0 };

async function check(name, run) {
  try {
    await run();
    counts.passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`FAILED ${name}: ${error.message}`);
  }
}

for (const part of [audit, clients, subscriptions, relay, lint, evolution]) await part({ url, token, check });
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);
