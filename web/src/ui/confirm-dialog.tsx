import type { ReactNode } from 'react';
import { type Complaint, sentence } from '../graphql/user-errors';
import { ActionButton } from './action-button';
import { Dialog } from './dialog';

/** What is about to happen, the way back, and the button that does it. */
export function ConfirmDialog({
  title,
  children,
  action,
  isBusy,
  isReady = true,
  complaints,
  onConfirm,
  onClose,
}: {
  title: string;
  children: ReactNode;
  action: string;
  isBusy: boolean;
  /** Whether it would be done, as far as that is known. */
  isReady?: boolean;
  complaints: readonly Pick<Complaint, 'message'>[];
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog isOpen onClose={onClose} title={title}>
      <div className="flex flex-col gap-4">
        <p className="break-words">{children}</p>
        <Complaints of={complaints} />
        <div className="flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <ActionButton kind="danger" isBusy={isBusy} disabled={!isReady} onClick={onConfirm}>
            {action}
          </ActionButton>
        </div>
      </div>
    </Dialog>
  );
}

/** What is wrong with an input, where no field of it is to blame. */
export function Complaints({ of }: { of: readonly Pick<Complaint, 'message'>[] }) {
  return of.map((one) => (
    <p key={one.message} role="alert" className="text-danger">
      {sentence(one.message)}
    </p>
  ));
}
