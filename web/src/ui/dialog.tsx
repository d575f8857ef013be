import { Dialog as Base } from '@base-ui/react/dialog';
import { type ReactNode, useRef } from 'react';
import { Icon } from './icon';

interface DialogProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly children: ReactNode;
  /** Must be answered: neither a click outside nor the escape key closes it. */
  readonly isSticky?: boolean;
  /** Stands at the right edge, as long as the page. */
  readonly isSheet?: boolean;
  readonly isWide?: boolean;
}

export function Dialog({
  isOpen,
  onClose,
  title,
  description,
  children,
  isSticky,
  isSheet,
  isWide,
}: DialogProps) {
  const place = isSheet
    ? `inset-y-0 right-0 max-w-full rounded-none border-y-0 border-r-0 ${isWide ? 'w-[680px]' : 'w-[440px]'}`
    : `top-[8vh] left-1/2 max-h-[84vh] max-w-[calc(100vw-2rem)] -translate-x-1/2 ${isWide ? 'w-[640px]' : 'w-[460px]'}`;
  const body = useRef<HTMLDivElement>(null);
  return (
    <Base.Root
      open={isOpen}
      disablePointerDismissal={isSticky === true}
      onOpenChange={(open, details) => {
        if (open) return;
        if (isSticky && details.reason !== 'close-press') return;
        onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className="backdrop z-20" />
        <Base.Popup
          // A form is there to be filled in. By touch, its first field would bring up the keyboard over it.
          initialFocus={(by) => (by === 'touch' ? true : (firstField(body.current) ?? true))}
          className={`floating fixed z-20 flex flex-col overflow-hidden ${place}`}
        >
          <header className="flex items-start gap-3 border-b border-line px-5 py-3.5">
            <div className="min-w-0 flex-1">
              <Base.Title className="text-base font-semibold break-words">{title}</Base.Title>
              {description && (
                <Base.Description className="break-words text-muted">{description}</Base.Description>
              )}
            </div>
            {!isSticky && (
              <Base.Close
                aria-label="Close"
                className="inline-flex size-7 items-center justify-center rounded-md text-muted hover:bg-surface"
              >
                <Icon name="close" />
              </Base.Close>
            )}
          </header>
          <div ref={body} className="min-h-0 flex-1 overflow-y-auto px-5 py-4">
            {children}
          </div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

function firstField(within: HTMLElement | null): HTMLElement | null {
  return within?.querySelector<HTMLElement>('form :is(input, select, textarea)') ?? null;
}

/** Closes the dialog around it, also a sticky one. */
export function DialogClose({ children }: { children: ReactNode }) {
  return <Base.Close className="button">{children}</Base.Close>;
}
