import { useSyncExternalStore } from 'react';

export const THEMES = ['system', 'light', 'dark'] as const;
export const DENSITIES = ['compact', 'normal', 'relaxed'] as const;
export type Theme = (typeof THEMES)[number];
export type Density = (typeof DENSITIES)[number];

interface Preferences {
  readonly theme: Theme;
  readonly density: Density;
}

const listeners = new Set<() => void>();

function read<const T extends string>(key: string, among: readonly T[], otherwise: T): T {
  try {
    const kept = localStorage.getItem(key);
    return among.find((one) => one === kept) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is off: it holds for this page only.
  }
}

let current: Preferences = {
  theme: read('countersign.theme', THEMES, 'system'),
  density: read('countersign.density', DENSITIES, 'normal'),
};

const systemDark = matchMedia('(prefers-color-scheme: dark)');

function apply(): void {
  const isDark = current.theme === 'dark' || (current.theme === 'system' && systemDark.matches);
  document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
  document.documentElement.dataset['density'] = current.density;
}

systemDark.addEventListener('change', apply);

/** Changes how the app looks on this machine. */
export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  keep('countersign.theme', current.theme);
  keep('countersign.density', current.density);
  apply();
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
