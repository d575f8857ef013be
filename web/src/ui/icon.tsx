const PATHS = {
  alert: 'M8 2.5 14.5 13.5H1.5Z M8 6.5v3.2 M8 11.6v.2',
  braces:
    'M6 2.5H5A1.5 1.5 0 0 0 3.5 4v2.5L2 8l1.5 1.5V12A1.5 1.5 0 0 0 5 13.5h1 M10 2.5h1A1.5 1.5 0 0 1 12.5 4v2.5L14 8l-1.5 1.5V12a1.5 1.5 0 0 1-1.5 1.5h-1',
  check: 'm3 8.5 3.2 3.2L13 5',
  chevrons: 'm5 6 3-3 3 3 M5 10l3 3 3-3',
  close: 'm4 4 8 8 M12 4l-8 8',
  copy: 'M6 6h7v7H6z M3 10V3h7',
  dash: 'M3.5 8h9',
  download: 'M8 2.5v8 M4.5 7.5 8 11l3.5-3.5 M3 13.5h10',
  key: 'M9.5 6.5a3 3 0 1 0-2.2 2.9L9 11h1.5v1.5H12V14h2v-2.2L9.4 7.4z',
  ledger: 'M3 2.5h10v11H3z M3 6h10 M3 9.5h10 M6.5 6v7.5',
  link: 'M6.5 9.5l3-3 M7 5l1.5-1.5a2.8 2.8 0 0 1 4 4L11 9 M9 11l-1.5 1.5a2.8 2.8 0 0 1-4-4L5 7',
  lock: 'M4 7.5h8v6H4z M5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5',
  menu: 'M2.5 4.5h11 M2.5 8h11 M2.5 11.5h11',
  people:
    'M6 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z M1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4 M10.5 3.2a2.5 2.5 0 0 1 0 4.6 M12 9.8c1.5.5 2.5 1.9 2.5 3.7',
  scroll: 'M4 2.5h8v9.5a1.5 1.5 0 0 1-3 0V11H2v1a1.5 1.5 0 0 0 1.5 1.5h7 M6.5 5.5h3 M6.5 8h3',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9z M10.5 10.5 14 14',
  shield: 'M8 2 13 4v4c0 3-2 5-5 6-3-1-5-3-5-6V4z M5.8 8l1.6 1.6 2.8-3.2',
  upload: 'M8 11V3 M4.5 6 8 2.5 11.5 6 M3 13.5h10',
  wallet: 'M2.5 4.5h11v9h-11z M2.5 4.5 10 2v2.5 M10.5 9h3',
} as const;

export type IconName = keyof typeof PATHS;

/** A line drawing beside a word. It says nothing alone, so it is hidden from readers. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      className="shrink-0"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
