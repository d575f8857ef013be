import { describe, expect, test } from 'vitest';
import { guessDateFormat, guessDecimalMark, looksLikeCsv, previewCsv, splitCsvLine } from './csv';

describe('a CSV file', () => {
  test('is split by the delimiter that it uses', () => {
    const preview = previewCsv('\uFEFFDate;Text;Amount\r\n31.03.2026;"Rent; March";-1.200,50\r\n');
    expect(preview.delimiter).toBe(';');
    expect(preview.header).toEqual(['Date', 'Text', 'Amount']);
    expect(preview.rows[0]).toEqual(['31.03.2026', 'Rent; March', '-1.200,50']);
  });

  test('has its headings below what the bank puts before them', () => {
    const preamble =
      'Konto;DE89 3704 0044 0532 0130 00\n\nZeitraum;März 2026, April 2026, Mai 2026\nAlle Umsätze\n';
    const table = 'Datum;Text;Betrag;Saldo\n31.03.2026;Miete, März, kalt, warm;-1.200,50;10,00\n';
    expect(previewCsv(preamble + table)).toEqual({
      delimiter: ';',
      header: ['Datum', 'Text', 'Betrag', 'Saldo'],
      rows: [['31.03.2026', 'Miete, März, kalt, warm', '-1.200,50', '10,00']],
    });
    expect(previewCsv(`${'Bank,of\n'.repeat(40)}${'a,b,c,d,e\n1,2,3,4,5\n'.repeat(3)}`).header[0]).toBe('a');
  });

  test('keeps its headings where one row is wider, and shows only the first rows', () => {
    const preview = previewCsv(`Date,Text,Amount\n1,Rent, March,2\n${'1,Rent,2\n'.repeat(9)}`);
    expect(preview.header).toEqual(['Date', 'Text', 'Amount']);
    expect(preview.rows).toHaveLength(4);
  });

  test('may be empty, or of one column', () => {
    expect(previewCsv('')).toEqual({ delimiter: ',', header: [], rows: [] });
    expect(previewCsv('Date\n1').header).toEqual(['Date']);
  });

  test('may hold quotes in quotes', () => {
    expect(splitCsvLine('a,"b ""c"" d",', ',')).toEqual(['a', 'b "c" d', '']);
  });

  test('is told from the other formats by its content', () => {
    expect(looksLikeCsv('a.csv', 'Date,Text,Amount\n')).toBe(true);
    expect(looksLikeCsv('a.csv', '<?xml version="1.0"?><Document/>')).toBe(false);
    expect(looksLikeCsv('a.csv', 'OFXHEADER:100\n')).toBe(false);
    expect(looksLikeCsv('bank.sta', ':20:940\n:25:1/2,3,4\n')).toBe(false);
    expect(looksLikeCsv('bank.txt', 'ABNANL2A\n940\nABNANL2A\n:20:A,B,C\n:86:a,b,c\n')).toBe(false);
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
