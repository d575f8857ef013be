import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { isTyping, moveRow } from '../lib/keys';
import { useNavigation } from './navigation';

const SEQUENCE_MS = 1200;

interface Actions {
  readonly slug: string;
  readonly onPalette: () => void;
  readonly onSheet: () => void;
  readonly onSwitcher: () => void;
}

/** The keys of the whole app. None works in a dialog, and without a modifier none while typing. */
export function Shortcuts(actions: Actions): null {
  const { items } = useNavigation();
  const latest = useRef({ ...actions, items });
  latest.current = { ...actions, items };
  const navigate = useNavigate();
  useEffect(() => {
    let goPressedAt = 0;
    const heard = (event: KeyboardEvent) => {
      const { items, slug, onPalette, onSheet, onSwitcher } = latest.current;
      const isMod = event.metaKey || event.ctrlKey;
      const key = event.key.toLowerCase();
      // What is open may hold what is shown once: nothing is put above it, and nothing leads away from it.
      const isInDialog = document.querySelector('[role="dialog"]') !== null;
      if (isMod && !event.altKey) {
        if (key === 'k' && !event.shiftKey) {
          event.preventDefault();
          if (!isInDialog) onPalette();
        } else if (key === 'o' && event.shiftKey) {
          event.preventDefault();
          if (!isInDialog) onSwitcher();
        }
        return;
      }
      if (event.altKey || isTyping(event) || isInDialog) return;
      const isSequence = event.timeStamp - goPressedAt < SEQUENCE_MS;
      goPressedAt = 0;
      const item = isSequence ? items.find((one) => one.key === key) : undefined;
      if (item) {
        event.preventDefault();
        void navigate({ to: item.to, params: { slug } });
      } else if (event.key === '?') {
        event.preventDefault();
        onSheet();
      } else if (key === 'g') goPressedAt = event.timeStamp;
      else if (key === '/') {
        const filter = document.querySelector<HTMLElement>('[data-filter]');
        if (filter) event.preventDefault();
        filter?.focus();
      } else if (key === 'j') moveRow(1);
      else if (key === 'k') moveRow(-1);
    };
    addEventListener('keydown', heard);
    return () => removeEventListener('keydown', heard);
  }, [navigate]);
  return null;
}
