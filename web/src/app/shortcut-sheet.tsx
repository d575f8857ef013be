import { keyText } from '../lib/keys';
import { Dialog } from '../ui/dialog';
import { NAVIGATION } from './navigation';

const KEYS: readonly (readonly [string, string])[] = [
  [keyText('Mod+K'), 'Command palette'],
  [keyText('Mod+Shift+O'), 'Switch tenant'],
  ['/', 'Go to the filter'],
  ...NAVIGATION.items.map((item) => [`g ${item.key}`, item.label] as const),
  ['j  k', 'Next and previous row'],
  ['↵', 'Open the row'],
  ['Esc', 'Close'],
  ['?', 'This list'],
];

export function ShortcutSheet({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title="Keyboard shortcuts">
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5">
        {KEYS.map(([keys, meaning]) => (
          <div key={keys} className="contents">
            <dt>
              <kbd className="mono rounded border border-line bg-surface px-1.5 py-0.5">{keys}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
