import type { LiveState } from '../../graphql/use-live';

const WORDS: Readonly<Record<LiveState, string>> = {
  off: 'Live',
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'Reconnecting',
  refused: 'Not allowed',
};

/** Turns the live log on and off, and says how it stands. */
export function LiveButton({
  state,
  isOn,
  onChange,
}: {
  state: LiveState;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}) {
  return (
    <button
      type="button"
      className="button"
      aria-pressed={isOn}
      title={isOn ? 'New entries appear as they are written' : 'Show new entries as they are written'}
      onClick={() => onChange(!isOn)}
    >
      <span className="live-dot" data-state={state} aria-hidden="true" />
      {WORDS[state]}
    </button>
  );
}
