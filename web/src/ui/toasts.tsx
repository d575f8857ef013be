import { useEffect, useState, useSyncExternalStore } from 'react';
import { createPortal } from 'react-dom';
import { Icon } from './icon';
import type { Tone } from './state-badge';

export interface Toast {
  readonly title: string;
  readonly text?: string;
  readonly tone?: Tone;
  readonly action?: { readonly label: string; readonly run: () => void };
}

interface Shown extends Toast {
  readonly id: number;
}

const SECONDS = 8;
let shown: readonly Shown[] = [];
let next = 1;
const listeners = new Set<() => void>();

function change(to: readonly Shown[]): void {
  shown = to;
  for (const listener of listeners) listener();
}

/** Says something at the edge of the screen for eight seconds, and for as long as one is at it. The same thing twice is said once. */
export function showToast(toast: Toast): void {
  const id = next;
  next += 1;
  const others = shown.filter((one) => one.title !== toast.title || one.text !== toast.text);
  change([...others.slice(-2), { ...toast, id }]);
}

function ToastView({ toast }: { toast: Shown }) {
  const close = () => change(shown.filter((one) => one.id !== toast.id));
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(() => change(shown.filter((one) => one.id !== toast.id)), SECONDS * 1000);
    return () => clearTimeout(timer);
  }, [toast.id, isHeld]);
  return (
    <li
      className="floating flex items-start gap-3 p-3"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <div className="min-w-0 flex-1">
        <p className={`font-medium break-words ${toast.tone === 'danger' ? 'text-danger' : ''}`}>
          {toast.title}
        </p>
        {toast.text && <p className="break-words text-muted">{toast.text}</p>}
      </div>
      {toast.action && (
        <button
          type="button"
          className="button h-7"
          onClick={() => {
            toast.action?.run();
            close();
          }}
        >
          {toast.action.label}
        </button>
      )}
      <button
        type="button"
        aria-label="Dismiss"
        className="inline-flex size-7 items-center justify-center rounded-md text-muted hover:bg-surface"
        onClick={close}
      >
        <Icon name="close" size={14} />
      </button>
    </li>
  );
}

/** What is said, above every dialog and sheet: beside the root, as they are, which keeps its own layers to itself. */
export function Toasts() {
  const toasts = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown,
  );
  return createPortal(
    <section
      aria-label="Notifications"
      aria-live="polite"
      className="fixed right-4 bottom-4 z-50 w-90 max-w-[calc(100vw-2rem)]"
    >
      <ol className="flex flex-col gap-2">
        {toasts.map((toast) => (
          <ToastView key={toast.id} toast={toast} />
        ))}
      </ol>
    </section>,
    document.body,
  );
}
