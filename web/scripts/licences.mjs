// The licences of every npm package that a lock file of the repository names. `.deny.toml` holds those of crates.
import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** What is built into the app, and so into the program, is permissive. */
const SHIPPED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'PSF-2.0', 'Unlicense'];
/** Fonts, as data. */
const FONTS = { 'OFL-1.1': ['@fontsource-variable/inter', '@fontsource-variable/jetbrains-mono'] };
/** What builds and tests, and is given to nobody. */
const TOOLS = [
  ...SHIPPED,
  'BlueOak-1.0.0',
  'CC-BY-4.0',
  'MIT OR Apache-2.0',
  'MIT-0',
  'MPL-2.0',
  'Python-2.0',
];
/** Packages that say it in a file only: each was read. */
const READ = { busboy: 'MIT', streamsearch: 'MIT' };

const faults = [];
let count = 0;
for (const file of ['web/package-lock.json', ...lockFiles('tests')]) {
  const { packages } = JSON.parse(readFileSync(new URL(file, root), 'utf8'));
  for (const [path, { license, dev }] of Object.entries(packages)) {
    if (path === '') continue;
    const name = path.replace(/.*node_modules\//, '');
    const licence = license ?? READ[name];
    const allowed = file.startsWith('web/') && !dev ? SHIPPED : TOOLS;
    count += 1;
    if (allowed.includes(licence) || FONTS[licence]?.includes(name)) continue;
    faults.push(`${file}: ${name} is under ${licence ?? 'no licence that it names'}`);
  }
}

/** Every lock file below a folder, those of installed packages left out. */
function lockFiles(folder) {
  const entries = readdirSync(new URL(folder, root), { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : lockFiles(path);
    return entry.name === 'package-lock.json' ? [path] : [];
  });
}

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
console.log(`licences of ${count} npm packages are among those allowed`);
