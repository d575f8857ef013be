import { afterEach, expect, test, vi } from 'vitest';
import type { CurrencyCode, DateTime, Decimal, LocalDate } from '../graphql/scalars';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** What a browser of that language shows. */
async function shown(language: string) {
  vi.resetModules();
  vi.stubGlobal('navigator', { language });
  const [{ countText, sizeText }, { moneyText }, { dayText, daysText, instantText, relativeText }] =
    await Promise.all([import('./numbers'), import('./money'), import('./time')]);
  const at = '2026-03-05T14:03:04Z' as DateTime;
  return {
    count: countText(1_234),
    size: sizeText(8_400_000),
    money: moneyText('-1234.5' as Decimal, 'EUR' as CurrencyCode),
    yen: moneyText('1234' as Decimal, 'JPY' as CurrencyCode),
    days: daysText('2026-03-01' as LocalDate, '2026-03-31' as LocalDate),
    day: dayText('2026-03-05' as LocalDate),
    instant: instantText(at),
    ago: relativeText(at, Date.parse(at) + 2 * 3_600_000),
  };
}

test('all of it stands as the reader’s region writes it, and in the language of the app', async () => {
  expect(await shown('de-DE')).toMatchObject({
    count: '1.234',
    size: '8,4 MB',
    money: '−1.234,50 EUR',
    yen: '+1.234 JPY',
    day: '05 Mar 2026',
    ago: '2 hours ago',
  });
  expect(await shown('en-US')).toMatchObject({
    count: '1,234',
    size: '8.4 MB',
    money: '−1,234.50 EUR',
    day: 'Mar 05, 2026',
  });
  expect((await shown('en-GB')).days).toMatch(/^1\D+31 Mar 2026$/);
  expect((await shown('en-GB')).day).toBe('05 Mar 2026');
  expect((await shown('de')).count).toBe('1.234');
});

test('years and digits are those of the books, whatever the region counts by', async () => {
  expect((await shown('th-TH')).day).toMatch(/2026/);
  expect((await shown('ar-EG')).count).toMatch(/^[\d.,]+$/);
  expect((await shown('fa-IR')).instant).toMatch(/2026/);
});

test('what is no language is read as English', async () => {
  expect((await shown('C')).count).toBe('1,234');
});
