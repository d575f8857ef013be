// The score that Mozilla Observatory gives the app's page, by its own tests and grades. Only the asking is ours:
// its own wants ports 80 and 443 of a public name.
//
//   node tests/conformance/observatory/score.mjs https://localhost:8443/ authority.pem
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';

import { AxiosHeaders } from 'axios';

const observatory = (file) =>
  import(new URL(`node_modules/@mdn/mdn-http-observatory/src/${file}`, import.meta.url));
const [
  { ALL_TESTS },
  { getGradeForScore, getScoreDescription, getScoreModifier },
  { MINIMUM_SCORE_FOR_EXTRA_CREDIT },
] = await Promise.all(['constants.js', 'grader/grader.js', 'grader/charts.js'].map(observatory));
const { Requests } = await observatory('types.js');
const { Session } = await observatory('retriever/session.js');
const { parseHttpEquivHeaders } = await observatory('retriever/utils.js');

// The browsers' list of preloaded names, which its installation fetches. Empty: nobody is on it.
const preloaded = new URL('node_modules/@mdn/mdn-http-observatory/conf/hsts-preload.json', import.meta.url);
writeFileSync(preloaded, '{}');

const [, , address, authority] = process.argv;
const url = new URL(address);
const ca = readFileSync(authority);

/** One answer in the form that the tests read. A certificate that does not hold ends it all. */
const ask = (method, headers) =>
  new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, ca }, (answer) => {
      let data = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => (data += part));
      answer.on('end', () =>
        resolve({
          headers: new AxiosHeaders(answer.headers),
          request: { headers: new AxiosHeaders(headers) },
          config: { headers: new AxiosHeaders(headers) },
          status: answer.statusCode,
          statusText: answer.statusMessage,
          verified: true,
          data,
        }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });

const page = await ask('GET', { accept: 'text/html' });
const preflight = await ask('OPTIONS', {
  origin: 'https://http-observatory.security.mozilla.org',
  'access-control-request-method': 'GET',
});
const asked = new Requests(url.hostname);
asked.session = new Session(url);
asked.resources.path = page.data;
asked.responses.auto = { ...page, httpEquiv: parseHttpEquivHeaders(page.data, url.href) };
asked.responses.https = page;
asked.responses.cors = preflight;
asked.responses.httpsRedirects = [{ url, status: page.status }];

// As the scanner adds them up.
let [score, plain] = [100, 100];
for (const test of ALL_TESTS) {
  const { result, pass } = test(asked);
  if (!result) continue;
  const points = getScoreModifier(result);
  score += points;
  plain += Math.min(points, 0);
  console.log(
    `${pass ? 'ok' : 'FAILED'} ${result}: ${points}: ${getScoreDescription(result)
      .replace(/<[^>]*>/g, '')
      .replace(/\s+/g, ' ')
      .trim()}`,
  );
}
const final = getGradeForScore(plain >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? score : plain);
console.log(`grade ${final.grade}, score ${final.score}`);
