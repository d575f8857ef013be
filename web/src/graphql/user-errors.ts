import type { UserErrorCode } from './generated/documents';

/** A fault of the input, as mutations give it back. */
export interface Complaint {
  readonly code: UserErrorCode;
  readonly message: string;
  readonly field: readonly string[] | null;
}

/** The message for one field of a form. `input` at the head of a path is the argument's own name. */
export function complaintFor(complaints: readonly Complaint[], field: string): string | null {
  const found = complaints.find((one) => {
    const path = one.field?.[0] === 'input' ? one.field.slice(1) : one.field;
    return path?.join('.') === field;
  });
  return found ? sentence(found.message) : null;
}

/** Those that belong to none of the given fields and are to be shown above the form. */
export function otherComplaints(complaints: readonly Complaint[], fields: readonly string[]): Complaint[] {
  return complaints.filter((one) => {
    const path = one.field?.[0] === 'input' ? one.field.slice(1) : one.field;
    return !path || !fields.includes(path.join('.'));
  });
}

/** The server's messages are lower-case sentences without a stop; on a screen they get both. */
export function sentence(message: string): string {
  const text = message.trim();
  if (text === '') return '';
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
