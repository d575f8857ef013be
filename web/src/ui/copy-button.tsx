import { useEffect, useState } from 'react';
import { Icon } from './icon';

/** Puts a text on the clipboard and says that it did. */
export function CopyButton({
  text,
  label,
  isWide = false,
}: {
  text: string;
  label: string;
  isWide?: boolean;
}) {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), 2000);
    return () => clearTimeout(timer);
  }, [state]);
  const said = state === 'copied' ? 'Copied' : state === 'failed' ? 'Copy failed' : label;
  return (
    <button
      type="button"
      className={
        isWide
          ? 'button'
          : 'inline-flex size-6 items-center justify-center rounded-md text-muted hover:bg-surface hover:text-text'
      }
      aria-label={isWide ? undefined : said}
      title={isWide ? undefined : said}
      onClick={(event) => {
        event.stopPropagation();
        navigator.clipboard.writeText(text).then(
          () => setState('copied'),
          () => setState('failed'),
        );
      }}
    >
      <Icon name={state === 'copied' ? 'check' : 'copy'} size={14} />
      {isWide && said}
      <span aria-live="polite" className="sr-only">
        {state === 'idle' ? '' : said}
      </span>
    </button>
  );
}
