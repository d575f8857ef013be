import { expect, test } from 'vitest';
import type { DateTime, LocalDate } from '../graphql/scalars';
import { daysText, isDay, relativeText } from './time';

const now = Date.parse('2026-11-30T12:00:00Z');
const told = (seconds: number) => relativeText(new Date(now + seconds * 1000).toISOString() as DateTime, now);

test('what is past is told in what is complete of it', () => {
  expect(told(-30)).toBe('just now');
  expect(told(-3_599)).toBe('59 minutes ago');
  expect(told(-3_600)).toBe('1 hour ago');
  expect(told(-86_399)).toBe('23 hours ago');
  expect(told(-6.9 * 86_400)).toBe('6 days ago');
});

test('what is to come is told as far as it is', () => {
  expect(told(7 * 86_400 - 5)).toBe('in 7 days');
  expect(told(90 * 86_400)).toBe('in 3 months');
});

test('days of which the last comes before the first are told as they stand', () => {
  expect(daysText('2026-03-31' as LocalDate, '2026-03-01' as LocalDate)).toMatch(/ to /);
  expect(daysText('2026-03-01' as LocalDate, 'soon' as LocalDate)).toMatch(/ to soon$/);
});

test('a day is one of the calendar, of a year that is whole', () => {
  expect(['2026-03-31', '2024-02-29', '1900-01-01'].every(isDay)).toBe(true);
  expect(['2026-02-31', '2026-13-01', '0202-03-31', '31.03.2026', ''].some(isDay)).toBe(false);
});
