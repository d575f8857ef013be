// The provider's pages: plain HTML that works without a script.

const STYLE = `
:root { color-scheme: light dark; --bg: oklch(0.985 0.003 95); --surface: #fff; --text: oklch(0.22 0.01 260);
  --muted: oklch(0.48 0.01 260); --line: oklch(0.9 0.004 260); --accent: oklch(0.48 0.09 200); --fault: oklch(0.5 0.17 25); }
@media (prefers-color-scheme: dark) { :root { --bg: oklch(0.17 0.008 260); --surface: oklch(0.205 0.008 260);
  --text: oklch(0.93 0.004 260); --muted: oklch(0.7 0.008 260); --line: oklch(0.3 0.01 260);
  --accent: oklch(0.75 0.1 195); --fault: oklch(0.72 0.15 25); } }
* { box-sizing: border-box; accent-color: var(--accent); }
body { margin: 0; min-height: 100vh; background: var(--bg); color: var(--text); font: 14px/22px system-ui, sans-serif;
  display: grid; place-items: center; padding: 24px; }
main { width: 100%; max-width: 420px; background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 28px; }
h1 { font-size: 20px; line-height: 28px; font-weight: 600; margin: 0 0 4px; }
p { color: var(--muted); margin: 0 0 20px; }
fieldset { border: 0; padding: 0; margin: 0 0 16px; display: grid; gap: 0; }
legend { font-size: 12px; color: var(--muted); padding: 0 0 6px; }
label.person { display: flex; gap: 10px; align-items: center; padding: 8px 10px; border: 1px solid var(--line); margin-top: -1px; cursor: pointer; }
label.person:first-of-type { border-radius: 6px 6px 0 0; } label.person:last-of-type { border-radius: 0 0 6px 6px; }
label.person:has(input:checked) { border-color: var(--accent); position: relative; }
label.person span { display: grid; line-height: 18px; } label.person small { color: var(--muted); font-size: 12px; }
label.field { display: grid; gap: 4px; font-size: 12px; color: var(--muted); margin-bottom: 16px; }
input[type=password], input[type=email], input[type=text] { font: inherit; font-size: 14px; color: var(--text); background: transparent; border: 1px solid var(--line);
  border-radius: 6px; height: 36px; padding: 0 10px; width: 100%; }
button { font: inherit; font-weight: 600; height: 36px; padding: 0 16px; border: 0; border-radius: 6px; width: 100%;
  background: var(--accent); color: var(--surface); cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.fault { color: var(--fault); } .mark { font-size: 12px; color: var(--muted); margin: 16px 0 0; }`;

const escape = (text) => String(text ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function page(title, content) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${escape(title)}</title>
<style>${STYLE}</style></head><body><main>${content}</main></body></html>`;
}

/** People as cards, one password field; and one for a second factor, where there is a code for it. */
export function signInPage(people, hint, fault, { showPasswords, oneTimeCode }) {
  // A hint that names nobody here is no hint.
  const hinted = Math.max(
    0,
    people.findIndex((person) => person.email === hint),
  );
  const cards = people.map(
    (person, i) => `
    <label class="person"><input type="radio" name="email" value="${escape(person.email)}" required
      ${i === hinted ? 'checked' : ''}>
      <span>${escape(person.name)}<small>${escape(person.email)}${person.about ? ` · ${escape(person.about)}` : ''}</small></span></label>`,
  );
  return page(
    'Sign in',
    `<h1>Sign in</h1><p>The OpenID provider of this demonstration.</p>
    ${fault ? `<p class="fault" role="alert">${escape(fault)}</p>` : ''}
    <form method="post"><fieldset><legend>Who are you?</legend>${cards.join('')}</fieldset>
    <label class="field">Password<input type="password" name="password" required autocomplete="current-password"></label>
    ${oneTimeCode ? `<label class="field">One-time code, for a second factor<input type="text" name="code" inputmode="numeric" autocomplete="one-time-code"></label>` : ''}
    <button>Sign in</button></form>
    ${showPasswords && oneTimeCode ? `<p class="mark">The one-time code is <strong>${escape(oneTimeCode)}</strong>; what asks for a second factor, as exports do, works with it alone.</p>` : ''}
    ${showPasswords ? `<p class="mark">In this demonstration everybody's password is <strong>${escape(showPasswords)}</strong>.</p>` : ''}`,
  );
}

/** The provider's form with its buttons. Whoever comes here may only have been sent, and is asked. */
export function signOutPage(form) {
  const button = `<button form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button>`;
  return page(
    'Sign out',
    `<h1>Sign out</h1><p>This ends your session at the provider, and in whatever you signed in to by it.</p>
    ${form}${button}`,
  );
}

/** A sentence. */
export function messagePage(title, text) {
  return page(title, `<h1>${escape(title)}</h1>${text ? `<p>${escape(text)}</p>` : ''}`);
}
