import { Link } from '@tanstack/react-router';
import { Icon } from '../ui/icon';
import { ExplorerLink } from './explorer-link';
import { useNavigation } from './navigation';

/** The ways to the screens of a tenant. */
export function NavigationLinks({ slug, onFollow }: { slug: string; onFollow: () => void }) {
  const { groups } = useNavigation();
  return (
    <>
      {groups.map((group) => (
        <div key={group.name} className="flex flex-col gap-0.5">
          <p className="px-2 pb-1 text-xs text-muted">{group.name}</p>
          {group.items.map((item) => (
            <Link
              key={item.to}
              to={item.to}
              params={{ slug }}
              className="flex h-8 items-center gap-2 rounded-md px-2 hover:bg-raised"
              activeProps={{
                className: 'bg-raised font-semibold shadow-[inset_2px_0_0_var(--accent)]',
              }}
              onClick={onFollow}
            >
              <Icon name={item.icon} />
              {item.label}
            </Link>
          ))}
        </div>
      ))}
      <ExplorerLink />
    </>
  );
}
