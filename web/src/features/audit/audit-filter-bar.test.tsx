import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import type { AuditSearch } from '../../lib/filters';
import { AuditFilterBar } from './audit-filter-bar';

afterEach(cleanup);

test('a filter that was sent keeps the focus, and follows what changes elsewhere', () => {
  const onChange = vi.fn();
  const bar = (search: AuditSearch) => (
    <AuditFilterBar search={search} kinds={[]} actors={[]} onChange={onChange} />
  );
  const { rerender } = render(bar({}));
  const field = screen.getByLabelText<HTMLInputElement>('Action');
  field.focus();
  fireEvent.change(field, { target: { value: 'token.created ' } });
  fireEvent.keyDown(field, { key: 'Enter' });
  expect(onChange).toHaveBeenCalledWith({ action: 'token.created' });
  rerender(bar({ action: 'token.created' }));
  expect(document.activeElement).toBe(field);
  expect(screen.getByLabelText<HTMLInputElement>('Action').value).toBe('token.created');
  rerender(bar({}));
  expect(field.value).toBe('');
});
