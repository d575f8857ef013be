import { useState } from 'react';

interface Draft {
  readonly draft: string;
  readonly setDraft: (draft: string) => void;
  /** What was told last, or came from elsewhere since. */
  readonly told: string;
  readonly setTold: (told: string) => void;
}

/**
 * What is typed into a field whose value stands elsewhere, as in the address, and comes back from there a moment after it
 * was told. What was told here is not to disturb who types on; what changed elsewhere, as by the way back, is followed.
 */
export function useDraft(value: string): Draft {
  const [draft, setDraft] = useState(value);
  const [told, setTold] = useState(value);
  const [seen, setSeen] = useState(value);
  if (value !== seen) {
    setSeen(value);
    if (value !== told) {
      setTold(value);
      setDraft(value);
    }
  }
  return { draft, setDraft, told, setTold };
}
