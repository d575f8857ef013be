import { useState } from 'react';
import {
  ImportProgressedDocument,
  type ImportProgressedSubscription,
} from '../../graphql/generated/documents';
import { useLive } from '../../graphql/use-live';
import { countText } from '../../lib/numbers';

type Progress = NonNullable<ImportProgressedSubscription['importProgressed']>;

/** What an import does at that stage, in words. */
export function progressText(
  progress: Pick<Progress, 'stage' | 'transactionCount' | 'writtenCount'>,
): string {
  if (progress.stage === 'READING' || progress.transactionCount === null) return 'Reading the file';
  return `${countText(progress.writtenCount)} of ${countText(progress.transactionCount)} transactions compared with the books`;
}

/** How far the import of that file has come, while it is sent. */
export function ImportProgress({ fileName }: { fileName: string }) {
  const [progress, setProgress] = useState<Progress | null>(null);
  useLive(ImportProgressedDocument, fileName, true, {
    variables: () => ({}),
    onEvent: ({ importProgressed: told }) => {
      if (told?.fileName === fileName) setProgress(told);
    },
  });
  const total = progress?.transactionCount ?? null;
  return (
    <div role="status" className="mt-6 flex max-w-sm flex-col gap-2">
      <p>{progress ? progressText(progress) : 'Sending the file'}</p>
      {total === null ? (
        <progress aria-label="Import" />
      ) : (
        <progress aria-label="Import" max={Math.max(total, 1)} value={progress?.writtenCount ?? 0} />
      )}
    </div>
  );
}
