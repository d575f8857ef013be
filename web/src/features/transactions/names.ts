import type { Direction, Magnitude } from '../../graphql/generated/documents';
import { countText } from '../../lib/numbers';

export const MAGNITUDE_NAMES: Readonly<Record<Magnitude, string>> = {
  MICRO: `Under ${countText(10)}`,
  SMALL: `${countText(10)} to ${countText(100)}`,
  MEDIUM: `${countText(100)} to ${countText(1_000)}`,
  LARGE: `${countText(1_000)} to ${countText(10_000)}`,
  XLARGE: `Over ${countText(10_000)}`,
};

export const MAGNITUDE_CHIPS: Readonly<Record<Magnitude, string>> = {
  MICRO: 'XS',
  SMALL: 'S',
  MEDIUM: 'M',
  LARGE: 'L',
  XLARGE: 'XL',
};

export const DIRECTION_NAMES: Readonly<Record<Direction, string>> = { IN: 'Money in', OUT: 'Money out' };
