import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface CancelDialogProps {
  readonly what: ComponentChildren;
  readonly onCancel: () => void;
  readonly onKeep: () => void;
}

/** Asks before something is taken back. Escape keeps it. Closed, it gives the focus back to where it was. */
export function CancelDialog({ what, onCancel, onKeep }: CancelDialogProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const cancel = (): void => {
    dialog.current?.close();
    onCancel();
  };
  return (
    <dialog ref={dialog} aria-labelledby="cancel-question" onClose={onKeep}>
      <p id="cancel-question">Cancel {what}? It is not sent any more; what a handset has already stays there.</p>
      <div class="buttons">
        <button type="button" onClick={() => dialog.current?.close()} autofocus>
          Keep it
        </button>
        <button type="button" class="danger" onClick={cancel}>
          Yes, cancel
        </button>
      </div>
    </dialog>
  );
}
