import { describe, expect, test } from 'vitest';
import { guessDateFormat, guessDecimalMark, looksLikeCsv, previewCsv, splitCsvLine } from './csv';

describe('a CSV file', () => {
  test('is split by the delimiter that it uses', () => {
    const preview = previewCsv('\uFEFFDate;Text;Amount\r\n31.03.2026;"Rent; March";-1.200,50\r\n');
    expect(preview.delimiter).toBe(';');
    expect(preview.header).toEqual(['Date', 'Text', 'Amount']);
    expect(preview.rows[0]).toEqual(['31.03.2026', 'Rent; March', '-1.200,50']);
  });

  test('may hold quotes in quotes', () => {
    expect(splitCsvLine('a,"b ""c"" d",', ',')).toEqual(['a', 'b "c" d', '']);
  });

  test('is told from the other formats by its content', () => {
    expect(looksLikeCsv('a.csv', 'Date,Text,Amount\n')).toBe(true);
    expect(looksLikeCsv('a.csv', '<?xml version="1.0"?><Document/>')).toBe(false);
    expect(looksLikeCsv('a.csv', 'OFXHEADER:100\n')).toBe(false);
    expect(looksLikeCsv('bank.sta', ':20:940\n:25:1/2,3,4\n')).toBe(false);
    expect(looksLikeCsv('bank.txt', 'Date,Text,Amount\n')).toBe(true);
  });

  test('gives away how it writes dates and decimals', () => {
    expect(guessDateFormat('31.03.2026')).toBe('%d.%m.%Y');
    expect(guessDateFormat('03/31/2026')).toBe('%m/%d/%Y');
    expect(guessDateFormat('31/03/2026')).toBe('%d/%m/%Y');
    expect(guessDecimalMark(['1.200,50'])).toBe(',');
    expect(guessDecimalMark(['1,200.50'])).toBe('.');
  });
});
