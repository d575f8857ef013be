// After a build: what a first visit loads, compressed, and a limit on it.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_KB = 180;
const dist = new URL('../dist/', import.meta.url);
const html = readFileSync(new URL('index.html', dist), 'utf8');
const size = (name) => gzipSync(readFileSync(new URL(name, dist))).length / 1000;

const assets = readdirSync(new URL('assets/', dist)).map((name) => `assets/${name}`);
const scripts = assets.filter((name) => name.endsWith('.js'));
const named = (stem) => scripts.filter((name) => name.startsWith(`assets/${stem}-`));

/** A file and all that it imports without waiting to be asked. */
function withImports(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const text = readFileSync(new URL(name, dist), 'utf8');
  for (const match of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) {
    withImports(`assets/${match[1]}`, found);
  }
  return found;
}

// The first screen after signing in: the entry, the frame, and the transactions.
const entry = [...html.matchAll(/src="\/([^"]+\.js)"/g)].map((match) => match[1]);
const first = new Set();
for (const name of [...entry, ...named('tenant-shell'), ...named('transactions')]) {
  for (const one of withImports(name)) first.add(one);
}
let total = 0;
for (const name of [...first, ...scripts.filter((one) => !first.has(one))]) {
  const kb = size(name);
  if (first.has(name)) total += kb;
  console.log(`${kb.toFixed(1).padStart(7)} kB gz  ${first.has(name) ? 'first' : 'later'}  ${name}`);
}
for (const name of assets.filter((one) => one.endsWith('.css'))) {
  console.log(`${size(name).toFixed(1).padStart(7)} kB gz  style  ${name}`);
}
console.log(`${total.toFixed(1).padStart(7)} kB gz  of JavaScript for the first screen (limit ${LIMIT_KB})`);
if (total > LIMIT_KB) process.exit(1);
