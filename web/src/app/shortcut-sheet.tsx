import { keyText } from '../lib/keys';
import { Dialog } from '../ui/dialog';
import { useNavigation } from './navigation';

const BEFORE: readonly (readonly [string, string])[] = [
  [keyText('Mod+K'), 'Command palette'],
  [keyText('Mod+Shift+O'), 'Switch tenant'],
  ['/', 'Go to the filter'],
];

const AFTER: readonly (readonly [string, string])[] = [
  ['j  k', 'Next and previous row'],
  ['↵', 'Open the row'],
  ['Esc', 'Close'],
  ['?', 'This list'],
];

export function ShortcutSheet({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { items } = useNavigation();
  const keys = [...BEFORE, ...items.map((item) => [`g ${item.key}`, item.label] as const), ...AFTER];
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title="Keyboard shortcuts">
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5">
        {keys.map(([pressed, meaning]) => (
          <div key={pressed} className="contents">
            <dt>
              <kbd className="mono rounded border border-line bg-surface px-1.5 py-0.5">{pressed}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
