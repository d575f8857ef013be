/** Whether a key belongs to a control and not to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select'))
  );
}

export const isMac = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.userAgent);

/** A key combination as it is written on this machine. */
export function keyText(combination: string): string {
  return isMac
    ? combination.replace('Mod', '⌘').replace('Shift', '⇧').replaceAll('+', '')
    : combination.replace('Mod', 'Ctrl');
}

/** Moves the focus to the next or the previous row of the list on the page. */
export function moveRow(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.closest('tr')?.contains(document.activeElement));
  const to = at === -1 ? (by === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[to]?.focus();
  rows[to]?.scrollIntoView({ block: 'nearest' });
}
