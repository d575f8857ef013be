// A real OpenID provider for the demo and the tests: npm `oidc-provider`, which is certified.
//
// Settings come as one line of JSON on standard input:
//   { port, issuer, clients, people: [{ sub, name, email, password }], audience, machineScopes,
//     keysFile?, control?, showPasswords?, oneTimeCode? }
// It prints one line of JSON when it listens, and exits when its standard input closes.

import { generateKeyPair } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import Provider, { errors } from 'oidc-provider';

import { messagePage, signInPage, signOutPage } from './pages.mjs';

const makeKeys = promisify(generateKeyPair);

const lines = createInterface({ input: process.stdin });
const settings = await new Promise((resolve) => lines.once('line', (line) => resolve(JSON.parse(line))));
lines.on('close', () => process.exit(0));

// What tests have done to this provider, and the refresh tokens that are good.
let down = false;
let hanging = null;
let late = null;
let revocations = 0;
let renewals = 0;
let answersFor = null;
const refreshTokens = new Map();

let keys = await loadKeys();
let provider = makeProvider();

const server = createServer(async (request, response) => {
  try {
    const url = new URL(request.url, settings.issuer);
    if (settings.control && url.pathname.startsWith('/control/')) {
      await control(url.pathname.slice('/control/'.length), url.searchParams, response);
    } else if (down) {
      request.socket.destroy();
    } else if (hanging && url.pathname === '/token') {
      hanging.push(request.socket);
    } else if (url.pathname.startsWith('/interaction/')) {
      await interaction(request, response);
    } else {
      if (url.pathname === '/token/revocation') revocations += 1;
      if (late && url.pathname === '/token') holdBack(response);
      provider.callback()(request, response);
    }
  } catch (error) {
    response.writeHead(error.statusCode ?? 500, { 'content-type': 'text/html; charset=utf-8' });
    response.end(
      messagePage('That did not work', error.error_description ?? "Start again from the product's own page."),
    );
  }
});
server.listen(settings.port, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ ready: true, port: server.address().port })}\n`);
});

/** Keeps what is answered until tests let it go. */
function holdBack(response) {
  const end = response.end.bind(response);
  response.end = (...body) => {
    late.push(() => end(...body));
    return response;
  };
}

/** Two signing keys, one of each kind; kept in a file where the settings name one. */
async function loadKeys() {
  if (settings.keysFile && existsSync(settings.keysFile)) {
    return JSON.parse(readFileSync(settings.keysFile, 'utf8'));
  }
  const made = await newKeys();
  if (settings.keysFile) {
    writeFileSync(settings.keysFile, JSON.stringify(made), { mode: 0o600 });
  }
  return made;
}

async function newKeys() {
  const mark = Date.now().toString(36);
  const rsa = await makeKeys('rsa', { modulusLength: 2048 });
  const ec = await makeKeys('ec', { namedCurve: 'P-256' });
  return [
    { ...rsa.privateKey.export({ format: 'jwk' }), kid: `rs-${mark}`, use: 'sig', alg: 'RS256' },
    { ...ec.privateKey.export({ format: 'jwk' }), kid: `es-${mark}`, use: 'sig', alg: 'ES256' },
  ];
}

function makeProvider() {
  const made = new Provider(settings.issuer, {
    clients: settings.clients,
    jwks: { keys },
    cookies: { keys: ['made-up-key-of-the-demo'], short: { sameSite: 'lax' }, long: { sameSite: 'lax' } },
    findAccount: (_context, sub) => {
      const person = settings.people.find((candidate) => candidate.sub === sub);
      return (
        person && {
          accountId: answersFor ?? sub,
          claims: () => ({
            sub,
            name: person.name,
            email: person.email,
            email_verified: person.emailVerified ?? true,
          }),
        }
      );
    },
    claims: { openid: ['sub', 'amr'], profile: ['name'], email: ['email', 'email_verified'] },
    // The product reads the ID token; it does not call the userinfo endpoint.
    conformIdTokenClaims: false,
    scopes: ['openid', 'offline_access', ...(settings.machineScopes ?? [])],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: firstPartyGrant,
    ttl: {
      AccessToken: settings.accessTokenSeconds ?? 600,
      IdToken: 600,
      Session: 86400,
      Grant: 86400,
      Interaction: 900,
      RefreshToken: 86400,
    },
    renderError: (context, out) => {
      context.type = 'html';
      context.body = messagePage('That did not work', out.error_description ?? out.error);
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          context.body = signOutPage(form);
        },
        postLogoutSuccessSource: (context) => {
          context.body = messagePage('Signed out', 'You can close this page.');
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, indicator) => {
          if (indicator !== settings.audience) throw new errors.InvalidTarget();
          return {
            scope: (settings.machineScopes ?? []).join(' '),
            audience: indicator,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 600,
            jwt: { sign: { alg: 'RS256' } },
          };
        },
      },
    },
    // The provider refuses to call relying parties on loopback, which is where they are here.
    fetch: (url, options) => {
      const plain = { ...options };
      delete plain.dispatcher;
      return globalThis.fetch(url, plain);
    },
  });
  made.proxy = false;
  made.on('grant.success', (context) => {
    if (context.oidc.params.grant_type === 'refresh_token') renewals += 1;
  });
  made.on('refresh_token.saved', (token) => refreshTokens.set(token.jti, token));
  made.on('refresh_token.destroyed', (token) => refreshTokens.delete(token.jti));
  return made;
}

/** The product is the provider's own: nobody is asked to consent to it. */
async function firstPartyGrant(context) {
  const { client, session, provider: own } = context.oidc;
  const known = context.oidc.result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  if (known) return own.Grant.find(known);
  const grant = new own.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid profile email offline_access');
  await grant.save();
  return grant;
}

async function interaction(request, response) {
  const details = await provider.interactionDetails(request, response);
  const page = (fault, chosen) => {
    response.writeHead(fault ? 401 : 200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    });
    response.end(signInPage(settings.people, chosen ?? details.params.login_hint, fault, settings));
  };
  if (request.method !== 'POST') return page();
  const form = new URLSearchParams(await body(request));
  const person = settings.people.find((candidate) => candidate.email === form.get('email'));
  if (!person || person.password !== form.get('password')) {
    return page('That address and password do not belong together.', form.get('email'));
  }
  // Whoever gives a code gives a second factor, or is refused: a wrong one is not passed over.
  const code = form.get('code') ?? '';
  if (code !== '' && code !== settings.oneTimeCode) {
    return page('That is not the one-time code.', form.get('email'));
  }
  const amr = code === '' ? (person.amr ?? ['pwd']) : ['pwd', 'otp'];
  const result = { login: { accountId: person.sub, amr } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function body(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 10_000) throw new Error('too long');
  }
  return text;
}

/** What tests do to a provider. */
async function control(what, parameters, response) {
  if (what === 'rotate-keys') {
    keys = await newKeys();
    provider = makeProvider();
  } else if (what === 'down') {
    down = true;
  } else if (what === 'up') {
    down = false;
    hanging?.forEach((socket) => socket.destroy());
    hanging = null;
    late?.forEach((answer) => answer());
    late = null;
  } else if (what === 'hang') {
    // Requests for tokens are read and not answered.
    hanging = [];
  } else if (what === 'hanging') {
    return response.end(String(hanging.length));
  } else if (what === 'answer-late') {
    // Requests for tokens are done, and answered when it is up again.
    late = [];
  } else if (what === 'late') {
    return response.end(String(late.length));
  } else if (what === 'renewals') {
    return response.end(String(renewals));
  } else if (what === 'revocations') {
    return response.end(String(revocations));
  } else if (what === 'answer-for') {
    answersFor = parameters.get('sub');
  } else if (what === 'end-grants') {
    // Every refresh token is taken back.
    for (const token of [...refreshTokens.values()]) await token.destroy();
  } else if (what === 'refresh-tokens') {
    return response.end(String(refreshTokens.size));
  } else if (what === 'end-sessions') {
    // As if the person signed out at the provider: every client with a back channel is told.
    const client = await provider.Client.find(parameters.get('client'));
    client.backchannelLogoutUri = parameters.get('uri') ?? client.backchannelLogoutUri;
    await client.backchannelLogout(parameters.get('sub'), parameters.get('sid') ?? undefined);
  } else {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(204).end();
}
