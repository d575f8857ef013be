/**
 * Keeps what the browser holds of a left page from being seen again. Back after signing out would bring the books
 * back as they stood, without a word to the server: so the page is hidden as it goes, and loaded anew if it returns.
 */
export function neverShowAgain(reload: () => void = () => location.reload()): () => void {
  const left = (event: PageTransitionEvent) => {
    // The body and not the root: sheets and dialogs stand beside the root.
    if (event.persisted) document.body.hidden = true;
  };
  const returned = (event: PageTransitionEvent) => {
    if (event.persisted) reload();
  };
  addEventListener('pagehide', left);
  addEventListener('pageshow', returned);
  return () => {
    removeEventListener('pagehide', left);
    removeEventListener('pageshow', returned);
  };
}
