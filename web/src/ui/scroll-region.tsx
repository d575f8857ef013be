import type { ReactNode } from 'react';

/**
 * Holds what may be wider than the screen. The keyboard reaches it, to scroll it. It is what texts for readers alone,
 * which stand out of the flow, are placed by: without that they would widen the page.
 */
export function ScrollRegion({ label, children }: { label: string; children: ReactNode }) {
  return (
    <section
      aria-label={label}
      className="relative overflow-x-auto border-t border-line"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must reach it
      tabIndex={0}
    >
      {children}
    </section>
  );
}
