// Backups by the TypeScript implementation of age's own author: it shares no code with the product.
//
//   node age.mjs open AGE-SECRET-KEY-… < backup > opened
//   node age.mjs seal age1… < plain > backup
import { Decrypter, Encrypter } from 'age-encryption';

const [, , what, key] = process.argv;
const pieces = [];
for await (const piece of process.stdin) pieces.push(piece);
const given = new Uint8Array(Buffer.concat(pieces));

const done = async () => {
  if (what === 'open') {
    const decrypter = new Decrypter();
    decrypter.addIdentity(key);
    return decrypter.decrypt(given);
  }
  const encrypter = new Encrypter();
  encrypter.addRecipient(key);
  return encrypter.encrypt(given);
};
process.stdout.write(await done());
