import { CopyButton } from '../../ui/copy-button';

/** A command to be run elsewhere. */
export function CommandLine({ text }: { text: string }) {
  return (
    <p className="flex items-start gap-1 rounded-md border border-line bg-bg px-3 py-1.5">
      <code className="mono min-w-0 flex-1 pt-0.5 break-all">{text}</code>
      <CopyButton text={text} label="Copy command" />
    </p>
  );
}
