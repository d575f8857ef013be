import type { Direction, Magnitude } from '../../graphql/generated/documents';

export const MAGNITUDE_NAMES: Readonly<Record<Magnitude, string>> = {
  MICRO: 'Under 10',
  SMALL: '10 to 100',
  MEDIUM: '100 to 1,000',
  LARGE: '1,000 to 10,000',
  XLARGE: 'Over 10,000',
};

export const MAGNITUDE_CHIPS: Readonly<Record<Magnitude, string>> = {
  MICRO: 'XS',
  SMALL: 'S',
  MEDIUM: 'M',
  LARGE: 'L',
  XLARGE: 'XL',
};

export const DIRECTION_NAMES: Readonly<Record<Direction, string>> = { IN: 'Money in', OUT: 'Money out' };
