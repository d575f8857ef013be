import { usePermissions } from '../graphql/use-permissions';
import { Icon } from '../ui/icon';

/** The way to the explorer, a page of its own, for those who may ask for what they like. */
export function ExplorerLink() {
  if (!usePermissions().mayExplore) return null;
  return (
    <a
      className="flex h-8 items-center gap-2 rounded-md px-2 hover:bg-raised"
      href="/explorer.html"
      target="_blank"
      rel="noopener"
    >
      <Icon name="braces" />
      Explorer
      <span className="sr-only"> (opens in a new tab)</span>
    </a>
  );
}
