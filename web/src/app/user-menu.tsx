import { Popover } from '@base-ui/react/popover';
import type { Session } from '../lib/session';
import { Icon } from '../ui/icon';
import { DENSITIES, setPreferences, THEMES, usePreferences } from '../ui/preferences';

function Choice<const T extends string>({
  legend,
  options,
  value,
  onChange,
}: {
  legend: string;
  options: readonly T[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <fieldset>
      <legend className="mb-1 text-xs text-muted">{legend}</legend>
      <div className="flex rounded-md border border-line">
        {options.map((option) => (
          <label
            key={option}
            className="flex h-7 flex-1 cursor-pointer items-center justify-center rounded-md capitalize has-checked:bg-tint has-checked:font-medium has-focus-visible:outline-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              name={legend}
              className="sr-only"
              checked={option === value}
              onChange={() => onChange(option)}
            />
            {option}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** Who is signed in, how the app looks on this machine, and the way out. */
export function UserMenu({
  session,
  role,
  onShortcuts,
}: {
  session: Session;
  role: string;
  onShortcuts: () => void;
}) {
  const preferences = usePreferences();
  return (
    <Popover.Root>
      <Popover.Trigger className="flex items-center gap-2 rounded-md px-2 py-1.5 text-left hover:bg-raised">
        <span
          aria-hidden="true"
          className="flex size-7 shrink-0 items-center justify-center rounded-full border border-line bg-raised font-semibold"
        >
          {session.user.name.charAt(0)}
        </span>
        <span className="min-w-0 flex-1 truncate">
          <span className="sr-only">User menu: </span>
          {session.user.name}
        </span>
        <span className="text-muted">
          <Icon name="chevrons" />
        </span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} side="top" align="start" className="z-30">
          <Popover.Popup aria-label="User menu" className="floating flex w-64 flex-col gap-3 p-4">
            <div>
              <p className="font-semibold">{session.user.name}</p>
              <p className="truncate text-muted">{session.user.email}</p>
              <p className="text-muted">{role} in this tenant</p>
            </div>
            <Choice
              legend="Theme"
              options={THEMES}
              value={preferences.theme}
              onChange={(theme) => setPreferences({ theme })}
            />
            <Choice
              legend="Rows"
              options={DENSITIES}
              value={preferences.density}
              onChange={(density) => setPreferences({ density })}
            />
            <Popover.Close className="button" onClick={onShortcuts}>
              Keyboard shortcuts
            </Popover.Close>
            <a className="button" href={session.logoutUrl}>
              Sign out
            </a>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
