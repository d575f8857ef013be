/** The payload as stored, broken into lines. Numbers in it are shown as they stand: it is only laid out anew. */
export function prettyJson(text: string): string {
  let depth = 0;
  let isString = false;
  let out = '';
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (isString) {
      out += char;
      if (char === '\\') {
        i += 1;
        out += text.charAt(i);
      } else if (char === '"') isString = false;
      continue;
    }
    if (char === '"') {
      isString = true;
      out += char;
    } else if (char === '{' || char === '[') {
      const close = char === '{' ? '}' : ']';
      const rest = text.slice(i + 1).trimStart();
      if (rest.startsWith(close)) {
        out += char + close;
        i = text.indexOf(close, i + 1);
      } else {
        depth += 1;
        out += `${char}\n${'  '.repeat(depth)}`;
      }
    } else if (char === '}' || char === ']') {
      depth = Math.max(0, depth - 1);
      out += `\n${'  '.repeat(depth)}${char}`;
    } else if (char === ',') out += `,\n${'  '.repeat(depth)}`;
    else if (char === ':') out += ': ';
    else if (!/\s/.test(char)) out += char;
  }
  return out;
}
