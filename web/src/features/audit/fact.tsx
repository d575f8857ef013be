import type { ReactNode } from 'react';
import { CopyButton } from '../../ui/copy-button';

/** A term with what stands for it; a `value` can be copied. */
export function Fact({ term, value, children }: { term: string; value?: string; children?: ReactNode }) {
  return (
    <div className="grid min-h-8 grid-cols-[110px_minmax(0,1fr)] items-start border-b border-line py-1">
      <dt className="pt-0.5 text-muted">{term}</dt>
      <dd className="flex min-w-0 items-start gap-1">
        <span className="min-w-0 flex-1 pt-0.5">
          {children ?? <code className="mono break-all">{value}</code>}
        </span>
        {value && <CopyButton text={value} label={`Copy ${term.toLowerCase()}`} />}
      </dd>
    </div>
  );
}

/** A part of the sheet under a title of its own. */
export function Part({ title, note, children }: { title: string; note?: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title} className="mt-5 flex flex-col gap-2 first:mt-0">
      <h3 className="font-semibold">{title}</h3>
      {note && <p className="text-muted">{note}</p>}
      {children}
    </section>
  );
}
