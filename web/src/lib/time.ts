import type { DateTime, LocalDate } from '../graphql/scalars';
import { LOCALE } from './locale';

const day = new Intl.DateTimeFormat(LOCALE, {
  day: '2-digit',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
});
const instant = new Intl.DateTimeFormat(LOCALE, {
  day: '2-digit',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' });

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

const FIRST_YEAR = '1900';

/** Whether it is a day of the calendar as an input gives it. A year below 1900 is one that is still being typed. */
export function isDay(value: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value) || value < FIRST_YEAR) return false;
  const at = new Date(`${value}T00:00:00Z`);
  // Some engines read the 31st of February as a day of March.
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(value);
}

/** `05 Mar 2026`, in the order of the reader's region. A date of the books has no time zone. */
export function dayText(date: LocalDate): string {
  const at = new Date(`${date}T00:00:00Z`);
  return Number.isNaN(at.getTime()) ? date : day.format(at);
}

/** From a day to a day, told once where they share it: `1–31 Mar 2026`. */
export function daysText(from: LocalDate, to: LocalDate): string {
  const [first, last] = [from, to].map((date) => new Date(`${date}T00:00:00Z`).getTime());
  return first !== undefined && last !== undefined && first <= last
    ? day.formatRange(first, last)
    : `${dayText(from)} to ${dayText(to)}`;
}

/** The moment in the reader's own time zone. */
export function instantText(at: DateTime): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : instant.format(date);
}

/** `3 hours ago`, `in 3 months`. */
export function relativeText(at: DateTime, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  if (Number.isNaN(seconds)) return at;
  // Of the past, what is complete: an hour that is not over is 59 minutes, not 60.
  const whole = seconds < 0 ? Math.trunc : Math.round;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return relative.format(whole(seconds / length), unit);
  }
  return 'just now';
}

/** Start of a day in the reader's own time zone, as the server wants instants. */
export function startOfDay(date: string): DateTime {
  return new Date(`${date}T00:00:00`).toISOString() as DateTime;
}

/** The start of the day after, where the server wants an end that is not part of the span. */
export function startOfNextDay(date: string): DateTime {
  const day = new Date(`${date}T00:00:00`);
  day.setDate(day.getDate() + 1);
  return day.toISOString() as DateTime;
}
