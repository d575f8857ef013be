import { CopyButton } from '../../ui/copy-button';
import { Dialog, DialogClose } from '../../ui/dialog';

/** The token, shown this once. Only its own button closes it. */
export function ShownOnceDialog({
  name,
  plainToken,
  onClose,
}: {
  name: string;
  plainToken: string;
  onClose: () => void;
}) {
  const curl = [
    `curl ${location.origin}/graphql \\`,
    `  -H 'Authorization: Bearer ${plainToken}' \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '{"query":"{ accounts(first: 10) { nodes { name balance currency } } }"}'`,
  ].join('\n');
  return (
    <Dialog
      isOpen
      isSticky
      isWide
      onClose={onClose}
      title={`Token “${name}” created`}
      description="Copy it now: it is stored as a hash only and can not be shown again."
    >
      <div className="flex flex-col gap-4">
        <div className="flex items-center gap-2">
          <output
            aria-label="API token"
            className="mono min-w-0 flex-1 rounded-md border border-strong bg-surface px-3 py-1.5 break-all select-all"
          >
            {plainToken}
          </output>
          <CopyButton text={plainToken} label="Copy token" isWide />
        </div>
        <div>
          <div className="mb-1 flex items-center justify-between">
            <p className="text-xs font-medium">Try it</p>
            <CopyButton text={curl} label="Copy curl command" />
          </div>
          <section
            aria-label="curl example"
            className="overflow-x-auto rounded-md border border-line bg-surface p-3"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must reach it
            tabIndex={0}
          >
            <pre className="mono">{curl}</pre>
          </section>
        </div>
        <p className="text-muted">
          Secret scanners know it by <code className="mono text-text">cst_[0-9A-Za-z]{'{49}'}</code>; its last
          six digits are a checksum.
        </p>
        <div className="flex justify-end">
          <DialogClose>I have copied it</DialogClose>
        </div>
      </div>
    </Dialog>
  );
}
