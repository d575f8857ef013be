import { useState } from 'react';
import type { CategoryChoice } from './use-categorize';

const NEW = '__new';

/** The category of one transaction, changed in its place. */
export function CategorySelect({
  label,
  value,
  categories,
  refusal,
  createRefusal,
  onChoose,
  onNew,
}: {
  label: string;
  value: CategoryChoice | null;
  categories: readonly CategoryChoice[];
  refusal: string | null;
  createRefusal: string | null;
  onChoose: (category: CategoryChoice | null) => void;
  onNew: () => void;
}) {
  // A list of hundreds of rows has hundreds of these: the choices are there once one is touched.
  const [isTouched, setTouched] = useState(false);
  const isListed = categories.some((one) => one.id === value?.id);
  return (
    <select
      aria-label={label}
      title={refusal ?? undefined}
      disabled={refusal !== null}
      value={value?.id ?? ''}
      className={`-mx-1.5 h-7 w-full max-w-48 min-w-34 truncate rounded-md border border-transparent bg-transparent px-1 enabled:hover:border-strong enabled:focus:border-strong disabled:cursor-not-allowed disabled:appearance-none disabled:opacity-100 ${value ? '' : 'text-muted'}`}
      onFocus={() => setTouched(true)}
      onPointerEnter={() => setTouched(true)}
      onChange={(event) => {
        const id = event.target.value;
        if (id === NEW) onNew();
        else onChoose(categories.find((one) => one.id === id) ?? null);
      }}
    >
      <option value="">Uncategorized</option>
      {value && !(isTouched && isListed) && <option value={value.id}>{value.name}</option>}
      {isTouched &&
        categories.map((category) => (
          <option key={category.id} value={category.id}>
            {category.name}
          </option>
        ))}
      {isTouched && createRefusal === null && <option value={NEW}>New category…</option>}
    </select>
  );
}
