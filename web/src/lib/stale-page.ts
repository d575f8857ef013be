const YOUNG_MS = 60_000;
const TYPED = 'form textarea, form input:not([type=hidden], [type=checkbox], [type=radio])';
const QUESTION =
  'The server was updated, and this page is too old for it. Load it anew now? What you have typed here is lost then.';

/** Where somebody wants to keep the page as it is: they are asked once. */
let isKept = false;

function hasTyped(): boolean {
  const fields = document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(TYPED);
  return [...fields].some((field) => field.value !== '');
}

/**
 * Loads the page anew where it is older than the server. A page that was just loaded stays: no loops. Where a form has
 * something in it, that is asked first.
 */
export function reloadStalePage(reload: () => void = () => location.reload()): void {
  if (isKept || performance.now() <= YOUNG_MS) return;
  isKept = hasTyped() && !confirm(QUESTION);
  if (!isKept) reload();
}
