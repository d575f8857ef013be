import type { AuditOutcome } from '../../graphql/generated/documents';
import type { Tone } from '../../ui/state-badge';

export const OUTCOME_NAMES: Readonly<Record<AuditOutcome, string>> = {
  DONE: 'Done',
  REFUSED: 'Refused',
  FAILED: 'Failed',
};

export const OUTCOME_TONES: Readonly<Record<AuditOutcome, Tone>> = {
  DONE: 'positive',
  REFUSED: 'warning',
  FAILED: 'danger',
};
