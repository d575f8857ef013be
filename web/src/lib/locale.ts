/**
 * English, which the app's own texts are in, as it is written in the reader's region: numbers and dates stand as that
 * region writes them, and months and spans of time in the language around them. Years are those of the books.
 */
export function localeOf(reader: string): string {
  let region: string | undefined;
  try {
    region = new Intl.Locale(reader).maximize().region;
  } catch {
    // Not a locale: English as such.
  }
  return `en${region ? `-${region}` : ''}-u-ca-gregory-nu-latn`;
}

/** The one locale in which the app writes numbers, money and dates. */
export const LOCALE = localeOf(navigator.language);
