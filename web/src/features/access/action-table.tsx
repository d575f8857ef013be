import { useState } from 'react';
import type { ReachFragment } from '../../graphql/generated/documents';
import { ScrollRegion } from '../../ui/scroll-region';
import { Chip } from '../../ui/state-badge';
import { DecisionBadge } from './decision-badge';

/** Everything that somebody may or may not do, narrowed by a text. */
export function ActionTable({
  actions,
  onChoose,
}: {
  actions: readonly ReachFragment[];
  onChoose: (action: string) => void;
}) {
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const shown = actions.filter(
    ({ action, group }) => action?.toLowerCase().includes(wanted) || group?.toLowerCase().includes(wanted),
  );
  return (
    <>
      <search aria-label="Narrow the list" className="flex gap-2 px-4 pb-3 md:px-6">
        <input
          data-filter=""
          type="search"
          className="field max-w-72"
          aria-label="Action or group"
          placeholder="Action or group, as read.financial"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </search>
      <ScrollRegion label="Actions">
        <table className="ledger">
          <caption className="sr-only">Actions, with what the policies say of each</caption>
          <thead>
            <tr>
              <th scope="col" className="md:pl-6">
                Action
              </th>
              <th scope="col" className="hidden sm:table-cell">
                Group
              </th>
              <th scope="col" className="md:pr-6">
                Decision
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map(
              ({ action, group, decision, condition }) =>
                action && (
                  <tr key={action}>
                    <td className="md:pl-6">
                      <button
                        type="button"
                        data-row
                        className="mono rounded text-left hover:underline"
                        onClick={() => onChoose(action)}
                      >
                        {action}
                      </button>
                    </td>
                    <td className="hidden sm:table-cell">
                      <Chip isMono>{group}</Chip>
                    </td>
                    <td className="md:pr-6">
                      <DecisionBadge decision={decision} condition={condition} />
                    </td>
                  </tr>
                ),
            )}
          </tbody>
        </table>
      </ScrollRegion>
      {shown.length === 0 && <p className="px-4 py-4 text-muted md:px-6">No action of that name or group.</p>}
    </>
  );
}
