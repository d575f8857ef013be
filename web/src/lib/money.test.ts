import { describe, expect, test } from 'vitest';
import type { CurrencyCode, Decimal } from '../graphql/scalars';
import { moneyParts, moneyText } from './money';

const parts = (amount: string, currency = 'EUR') => moneyParts(amount as Decimal, currency as CurrencyCode);

describe('money', () => {
  test('keeps the digits that a float would lose', () => {
    expect(parts('9007199254740993.01').digits.replaceAll(/\D/g, '')).toBe('900719925474099301');
    expect(parts('-123456789012345678.123456').digits.replaceAll(/\D/g, '')).toBe('123456789012345678123456');
  });

  test('tells in from out by sign, and gives zero none', () => {
    expect(parts('12.50').sign).toBe('+');
    expect(parts('-12.50').sign).toBe('−');
    expect(parts('0.00').sign).toBe('');
    expect(parts('-0.00').sign).toBe('');
  });

  test('shows as many places as the currency has, and never fewer than the amount', () => {
    expect(parts('5').digits).toMatch(/^5[.,]00$/);
    expect(parts('5', 'JPY').digits).toBe('5');
    expect(parts('0.123456').digits).toMatch(/^0[.,]123456$/);
  });

  test('shows what is not a number, or of no currency, as it came', () => {
    expect(parts('n/a')).toEqual({ sign: '', digits: 'n/a', currency: 'EUR' });
    expect(parts('-5.10', 'E')).toEqual({ sign: '−', digits: '5.10', currency: 'E' });
  });

  test('is one text for the clipboard', () => {
    expect(moneyText('-1234.5' as Decimal, 'EUR' as CurrencyCode)).toMatch(/^−1.?234[.,]50 EUR$/);
  });
});
