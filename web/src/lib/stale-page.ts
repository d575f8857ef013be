const YOUNG_MS = 60_000;

/** Loads the page anew where it is older than the server. A page that was just loaded stays: no loops. */
export function reloadStalePage(): void {
  if (performance.now() > YOUNG_MS) location.reload();
}
