import { type FormEvent, type ReactElement, useState } from 'react';
import { api, type Me, type Ways } from './api.ts';

export function SignIn(props: { ways: Ways; onSignedIn: (me: Me) => void }): ReactElement {
  const { ways, onSignedIn } = props;
  const [key, setKey] = useState('');
  const [problem, setProblem] = useState('');
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setProblem('');
    try {
      onSignedIn((await api.signIn(key)).me);
    } catch (error) {
      setProblem(String((error as Error).message));
    }
  };
  return (
    <main className="sign-in card">
      <h1>Kull console</h1>
      {ways.key && (
        <form onSubmit={submit}>
          <label htmlFor="key">Your key</label>
          <input
            id="key"
            type="password"
            autoComplete="current-password"
            value={key}
            onChange={(event) => setKey(event.target.value)}
            required
          />
          <button type="submit" className="primary">
            Sign in
          </button>
        </form>
      )}
      {ways.oidc && (
        <p>
          <a className="button" href="/console/api/oidc/start">
            Sign in with your organisation
          </a>
        </p>
      )}
      {problem && (
        <p role="alert" className="problem">
          {problem}
        </p>
      )}
      <p className="hint">
        <code>kull keys add NAME --scope console:read</code> makes a key for looking, with{' '}
        <code>console:act</code> one for acting as well.
      </p>
    </main>
  );
}
