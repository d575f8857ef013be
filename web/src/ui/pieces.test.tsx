import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { redactionAt } from '../graphql/redactions';
import { RequestError } from '../graphql/request';
import type { CurrencyCode, Decimal } from '../graphql/scalars';
import { ActionButton } from './action-button';
import { Hash } from './hash';
import { Money } from './money';
import { ErrorPanel } from './panels';
import { RedactedCell, RedactionPopover } from './redacted-cell';
import { Toasts } from './toasts';

afterEach(cleanup);

test('a hidden value says so and names its rule when asked', async () => {
  const redactions = new Map([['a.*.amount', { rule: 'no-permit(human.financial)', count: 12 }]]);
  const redaction = redactionAt(redactions, 'a.*.amount', null);
  if (!redaction) throw new Error('it is not hidden');
  render(
    <>
      <RedactedCell label="Amount" redaction={redaction} />
      <RedactionPopover />
    </>,
  );
  fireEvent.click(screen.getByRole('button', { name: /Amount:\s*Hidden by policy/ }));
  expect(await screen.findByText('no-permit(human.financial)')).toBeTruthy();
  expect(screen.getByText(/12 values/)).toBeTruthy();
});

test('a hidden value leads to the reason, for those who may learn it', async () => {
  const redaction = { rule: 'no-permit(x)', count: 1 };
  const why = { action: 'Transaction.amount', node: 'txn_1' };
  const cell = <RedactedCell label="Amount" redaction={redaction} why={why} />;
  const link = ({ action, node }: typeof why) => <a href={`/access?${action}&${node}`}>Why?</a>;
  const { rerender } = render(
    <>
      {cell}
      <RedactionPopover link={link} />
    </>,
  );
  fireEvent.click(screen.getByRole('button', { name: /Amount/ }));
  const led = await screen.findByRole('link', { name: 'Why?' });
  expect(led.getAttribute('href')).toBe('/access?Transaction.amount&txn_1');
  rerender(
    <>
      {cell}
      <RedactionPopover />
    </>,
  );
  expect(await screen.findByText(/An owner or admin/)).toBeTruthy();
  expect(screen.queryByRole('link', { name: 'Why?' })).toBeNull();
});

test('a value that is there is never taken for hidden, nor one that just has none', () => {
  const redactions = new Map([['a.amount', { rule: null, count: 1 }]]);
  expect(redactionAt(redactions, 'a.amount', '0.00')).toBeNull();
  expect(redactionAt(redactions, 'a.description', null)).toBeNull();
});

test('money shows a plus for a movement and none for a balance', () => {
  const money = { amount: '5.00' as Decimal, currency: 'EUR' as CurrencyCode };
  const { container, rerender } = render(<Money {...money} isFlow />);
  expect(container.textContent).toBe('+5.00EUR');
  rerender(<Money {...money} />);
  expect(container.textContent).toBe('5.00EUR');
});

test('a refused action stays, does nothing, and says why', () => {
  const act = vi.fn();
  render(
    <>
      <ActionButton refusal="Your role may not do this." onClick={act}>
        Remove
      </ActionButton>
      <Toasts />
    </>,
  );
  const button = screen.getByRole('button', { name: 'Remove' });
  expect(button.getAttribute('aria-disabled')).toBe('true');
  fireEvent.click(button);
  expect(act).not.toHaveBeenCalled();
  expect(screen.getByText('Refused by policy')).toBeTruthy();
});

test('a hash is shortened for the eye and whole for the clipboard', () => {
  const write = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValue();
  const value = '0123456789abcdef'.repeat(4);
  render(<Hash value={value} label="hash" />);
  expect(screen.getByText('01234567…cdef')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Copy hash' }));
  expect(write).toHaveBeenCalledWith(value);
});

test('an error shows the request id; a refusal shows the rule', () => {
  const fault = {
    code: 'INTERNAL_SERVER_ERROR',
    message: 'it broke',
    requestId: 'req_7',
    rule: null,
    field: null,
  };
  const { rerender } = render(<ErrorPanel what="Accounts" error={new RequestError(fault)} />);
  expect(screen.getByText('It broke.')).toBeTruthy();
  expect(screen.getByText('req_7')).toBeTruthy();
  rerender(
    <ErrorPanel
      what="Members"
      error={new RequestError({ ...fault, code: 'FORBIDDEN', rule: 'no-permit(x)' })}
    />,
  );
  expect(screen.getByText('Members: hidden by policy')).toBeTruthy();
  expect(screen.getByText('no-permit(x)')).toBeTruthy();
});
