import { useEffect, useId, useState } from 'react';
import { Icon } from '../../ui/icon';

/** Takes a file: dropped, or chosen. */
export function DropZone({
  fileName,
  isDisabled,
  onFile,
}: {
  fileName: string | null;
  isDisabled: boolean;
  onFile: (file: File) => void;
}) {
  const id = useId();
  const [isOver, setOver] = useState(false);
  // A file that is dropped beside it would be opened by the browser in the place of the app.
  useEffect(() => {
    const stay = (event: DragEvent) => event.preventDefault();
    addEventListener('dragover', stay);
    addEventListener('drop', stay);
    return () => {
      removeEventListener('dragover', stay);
      removeEventListener('drop', stay);
    };
  }, []);
  return (
    <section
      aria-label="Drop a statement here"
      className={`flex flex-col items-center gap-2 rounded-lg border border-dashed px-4 py-10 text-center has-focus-visible:outline-2 has-focus-visible:outline-accent ${isOver ? 'border-accent bg-tint' : 'border-strong'}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(!isDisabled);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const file = event.dataTransfer.files[0];
        if (file && !isDisabled) onFile(file);
      }}
    >
      <span className="text-muted">
        <Icon name="upload" size={24} />
      </span>
      <p className="text-base">
        {fileName ? (
          <strong className="font-semibold break-all">{fileName}</strong>
        ) : (
          'Drop a bank statement here'
        )}
      </p>
      <label
        htmlFor={id}
        className={`button ${isDisabled ? 'cursor-not-allowed border-dashed text-muted' : 'cursor-pointer'}`}
      >
        {fileName ? 'Choose another file' : 'Choose a file'}
      </label>
      <input
        id={id}
        type="file"
        className="sr-only"
        disabled={isDisabled}
        accept=".xml,.ofx,.qfx,.sta,.mt940,.940,.swi,.txt,.csv,.tsv"
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) onFile(file);
          event.target.value = '';
        }}
      />
      <p className="text-xs text-muted">camt.053, camt.052, OFX, MT940 or CSV</p>
    </section>
  );
}
