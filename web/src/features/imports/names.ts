import type { StatementFormat } from '../../graphql/generated/documents';

export const FORMAT_NAMES: Readonly<Record<StatementFormat, string>> = {
  CAMT_053: 'camt.053',
  CAMT_052: 'camt.052',
  OFX: 'OFX',
  MT940: 'MT940',
  CSV: 'CSV',
};
