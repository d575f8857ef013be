import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { previewCsv } from '../../lib/csv';
import { CsvMappingForm } from './csv-mapping-form';
import { guessMapping } from './mapping';

afterEach(cleanup);

test('the preview shows the rows of the file that was chosen last, and no row twice', () => {
  const form = (text: string) => {
    const preview = previewCsv(text);
    return <CsvMappingForm preview={preview} mapping={guessMapping(preview)} onChange={vi.fn()} />;
  };
  const { rerender } = render(form('Date,Name,Name\n1,a,b\n1,a,b\n'));
  rerender(form('Date,Text,Text\n2,c,d\n'));
  const cells = [...screen.getByRole('table').querySelectorAll('tr')].map((row) =>
    [...row.children].map((cell) => cell.textContent).join(' '),
  );
  expect(cells).toEqual(['Date Text Text', '2 c d']);
});
