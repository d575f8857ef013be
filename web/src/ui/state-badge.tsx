import type { ReactNode } from 'react';
import { Icon, type IconName } from './icon';

export type Tone = 'plain' | 'positive' | 'warning' | 'danger' | 'info';

const TONES: Readonly<Record<Tone, { className: string; icon: IconName }>> = {
  plain: { className: 'text-muted', icon: 'dash' },
  positive: { className: 'text-positive', icon: 'check' },
  warning: { className: 'text-warning', icon: 'alert' },
  danger: { className: 'text-danger', icon: 'close' },
  info: { className: 'text-info', icon: 'check' },
};

/** A state: an icon and a word. */
export function StateBadge({ tone, children, icon }: { tone: Tone; children: ReactNode; icon?: IconName }) {
  const { className, icon: usual } = TONES[tone];
  return (
    <span
      className={`inline-flex items-center gap-1 align-middle text-xs font-medium whitespace-nowrap ${className}`}
    >
      <Icon name={icon ?? usual} size={13} />
      {children}
    </span>
  );
}

/** A word in a frame: a role, a scope, a size. */
export function Chip({ children, isMono = false }: { children: ReactNode; isMono?: boolean }) {
  return (
    <span
      className={`inline-flex h-5 items-center rounded border align-middle border-line bg-surface px-1.5 whitespace-nowrap ${isMono ? 'mono' : 'text-xs text-muted'}`}
    >
      {children}
    </span>
  );
}
