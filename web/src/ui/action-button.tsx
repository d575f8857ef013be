import { type ButtonHTMLAttributes, type ReactNode, useId } from 'react';
import { showToast } from './toasts';

/**
 * A button that policy may refuse. Refused, it stays in its place and can be reached, and says why: on hover, to
 * readers, and when pressed.
 */
export function ActionButton({
  refusal = null,
  isBusy = false,
  kind = 'plain',
  children,
  onClick,
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & {
  refusal?: string | null;
  isBusy?: boolean;
  kind?: 'plain' | 'primary' | 'danger' | 'quiet';
  children: ReactNode;
}) {
  const reasonId = useId();
  return (
    <>
      <button
        type="button"
        className="button"
        data-kind={kind}
        aria-disabled={refusal !== null || isBusy ? true : undefined}
        aria-busy={isBusy || undefined}
        aria-describedby={refusal === null ? undefined : reasonId}
        title={refusal ?? undefined}
        {...rest}
        onClick={(event) => {
          if (refusal !== null) {
            event.preventDefault();
            showToast({ title: 'Refused by policy', text: refusal, tone: 'danger' });
          } else if (isBusy) event.preventDefault();
          else onClick?.(event);
        }}
      >
        {isBusy && (
          <span className="size-3 animate-spin rounded-full border-2 border-current border-t-transparent" />
        )}
        {children}
      </button>
      {refusal !== null && (
        <span id={reasonId} hidden>
          {refusal}
        </span>
      )}
    </>
  );
}
