import { type ReactElement, useEffect, useId, useRef, useState } from 'react';
import { api, type Wanted } from './api.ts';
import { useSession } from './session.ts';

/** A button that asks whether it is meant, does it, and says how it ended. */
export function Act(props: {
  name: string;
  label: string;
  question: string;
  wanted: Wanted;
  danger?: boolean;
  disabled?: boolean;
  onDone: (result: string) => void;
}): ReactElement | null {
  const { name, label, question, wanted, danger = false, disabled = false, onDone } = props;
  const { me } = useSession();
  const [asks, setAsks] = useState(false);
  if (!me.mayAct) return null;
  return (
    <>
      <button
        type="button"
        disabled={disabled}
        {...(danger && { className: 'danger' })}
        onClick={() => setAsks(true)}
      >
        {label}
      </button>
      {asks && (
        <Confirm
          question={question}
          label={label}
          onNo={() => setAsks(false)}
          onYes={async () => {
            const { result } = await api.act(me, name, wanted);
            setAsks(false);
            onDone(`${label}: ${result}`);
          }}
        />
      )}
    </>
  );
}

function Confirm(props: {
  question: string;
  label: string;
  onNo: () => void;
  onYes: () => Promise<void>;
}): ReactElement {
  const { question, label, onNo, onYes } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const [works, setWorks] = useState(false);
  const [problem, setProblem] = useState('');
  useEffect(() => dialog.current?.showModal(), []);
  const yes = async () => {
    setWorks(true);
    setProblem('');
    try {
      await onYes();
    } catch (error) {
      setProblem(String((error as Error).message));
      setWorks(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby={title} onClose={onNo}>
      <h2 id={title}>{label}</h2>
      <p>{question}</p>
      {problem && (
        <p role="alert" className="problem">
          {problem}
        </p>
      )}
      <p className="buttons">
        <button type="button" onClick={onNo} disabled={works}>
          Cancel
        </button>
        <button type="button" className="primary" onClick={yes} disabled={works}>
          {works ? 'Working…' : `Yes: ${label.toLowerCase()}`}
        </button>
      </p>
    </dialog>
  );
}

/** How the last action ended. */
export function Outcome({ text }: { text: string }): ReactElement {
  return (
    <p role="status" className={text ? 'outcome' : 'kull-visually-hidden'}>
      {text}
    </p>
  );
}
