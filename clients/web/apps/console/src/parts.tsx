/** What several pages are made of. */

import type { ReactElement, ReactNode } from 'react';

/** A table that can be scrolled by itself where the page is narrow. */
export function Table(props: {
  caption: string;
  columns: readonly string[];
  children: ReactNode;
}): ReactElement {
  const { caption, columns, children } = props;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled can be reached by keys
    <section className="scroll" tabIndex={0} aria-label={caption}>
      <table>
        <caption className="kull-visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((each) => (
              <th scope="col" key={each}>
                {each || <span className="kull-visually-hidden">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

export function Problem({ text }: { text: string }): ReactElement | null {
  if (!text) return null;
  return (
    <p role="alert" className="problem">
      {text}
    </p>
  );
}

export function Dot({ ok, children }: { ok: boolean; children: ReactNode }): ReactElement {
  return (
    <span className="kull-indicator" data-colour={ok ? 'green' : 'red'}>
      <span className="kull-dot" />
      {children}
    </span>
  );
}

/** A form with one text, which asks for another address of the console. */
export function Search(props: {
  label: string;
  value: string;
  hint?: string;
  onSearch: (text: string) => void;
}): ReactElement {
  const { label, value, hint, onSearch } = props;
  return (
    <form
      className="search"
      onSubmit={(event) => {
        event.preventDefault();
        onSearch(String(new FormData(event.currentTarget).get('text') ?? '').trim());
      }}
    >
      <label>
        <span>{label}</span>
        <input name="text" type="search" defaultValue={value} key={value} />
      </label>
      <button type="submit" className="primary">
        Look
      </button>
      {hint && <p className="hint">{hint}</p>}
    </form>
  );
}

export function Pager(props: {
  next: unknown;
  onNext: () => void;
  onFirst?: () => void;
}): ReactElement | null {
  const { next, onNext, onFirst } = props;
  if (next == null && !onFirst) return null;
  return (
    <p className="buttons">
      {onFirst && (
        <button type="button" onClick={onFirst}>
          First page
        </button>
      )}
      {next != null && (
        <button type="button" onClick={onNext}>
          Next page
        </button>
      )}
    </p>
  );
}
