import { Popover } from '@base-ui/react/popover';
import type { ReactElement } from 'react';
import type { Redaction } from '../graphql/redactions';
import { countText } from '../lib/numbers';
import { Icon } from './icon';

/** What a hidden value is to the policies, to ask why. */
export interface Why {
  /** `Transaction.amount`. */
  readonly action: string;
  /** The row's id. */
  readonly node: string;
}

interface Hidden {
  readonly label: string;
  readonly redaction: Redaction;
  readonly why?: Why;
}

// One popover for every hidden cell of a page: a list may have hundreds of them.
const handle = Popover.createHandle<Hidden>();

/** Stands where policy hid a value, and tells why when asked. */
export function RedactedCell({ label, redaction, why }: Hidden) {
  return (
    <Popover.Trigger
      handle={handle}
      payload={{ label, redaction, ...(why ? { why } : {}) }}
      className="hatch inline-flex h-6 align-middle items-center gap-1 rounded border border-line px-1.5 text-xs whitespace-nowrap text-muted hover:text-text"
    >
      <Icon name="lock" size={12} />
      <span className="sr-only">{label}: </span>
      <span>
        Hidden<span className="max-sm:sr-only"> by policy</span>
      </span>
    </Popover.Trigger>
  );
}

/** The one popover that hidden cells open. Stands once. `link` leads to the reason, for those who may learn it. */
export function RedactionPopover({ link }: { link?: (why: Why, onFollow: () => void) => ReactElement }) {
  return (
    <Popover.Root handle={handle}>
      {({ payload }) => (
        <Popover.Portal>
          <Popover.Positioner sideOffset={6} className="z-30">
            <Popover.Popup className="floating w-80 max-w-[calc(100vw-2rem)] p-4">
              <Popover.Title className="flex items-center gap-1.5 font-semibold">
                <Icon name="lock" size={14} />
                {payload?.label ?? 'Value'}: hidden by policy
              </Popover.Title>
              <Popover.Description className="mt-1 text-muted">
                The server did not send this value. It is not in this page.
              </Popover.Description>
              <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-3 gap-y-1">
                <dt className="text-muted">Rule</dt>
                <dd className="mono break-words">{payload?.redaction.rule ?? 'not shown to your role'}</dd>
                <dt className="text-muted">Affects</dt>
                <dd className="num">
                  {countText(payload?.redaction.count ?? 0)}{' '}
                  {payload?.redaction.count === 1 ? 'value' : 'values'} of this answer
                </dd>
              </dl>
              {link && payload?.why ? (
                <p className="mt-3">{link(payload.why, () => handle.close())}</p>
              ) : (
                <p className="mt-3 text-muted">An owner or admin of this tenant can say who may see it.</p>
              )}
            </Popover.Popup>
          </Popover.Positioner>
        </Popover.Portal>
      )}
    </Popover.Root>
  );
}
