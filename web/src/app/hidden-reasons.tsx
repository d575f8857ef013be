import { Link } from '@tanstack/react-router';
import { usePermissions } from '../graphql/use-permissions';
import { RedactionPopover, type Why } from '../ui/redacted-cell';

/** What hidden cells open, with the way to the reason for those who may learn it. */
export function HiddenReasons({ slug }: { slug: string }) {
  const { mayExplain } = usePermissions();
  const link = ({ action, node }: Why, onFollow: () => void) => (
    <Link
      to="/t/$slug/access"
      params={{ slug }}
      search={{ action, node }}
      className="button"
      onClick={onFollow}
    >
      Why?
    </Link>
  );
  return <RedactionPopover {...(mayExplain ? { link } : {})} />;
}
