/** `kull play`: the demo page on a mesh that can be broken. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const KULL = fileURLToPath(new URL('../../../.venv/bin/kull', import.meta.url));

export class Play {
  readonly #process: ChildProcess;
  readonly url: string;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  static async start(pace = 0.05): Promise<Play> {
    const child = spawn(KULL, ['play', '--port', '0', '--no-browser', '--pace', String(pace)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const [url] = line.match(/http:\S+/) ?? [];
      if (!url) continue;
      child.stdout.resume();
      return new Play(child, url);
    }
    throw new Error(`kull play did not start: ${errors}`);
  }

  async post(path: string, body: object = {}): Promise<unknown> {
    const answer = await fetch(`${this.url}api/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async shoot(user: string, photos: number, more: object = {}): Promise<string> {
    const answer = await this.post('play/shoots', { user, photos, charge: false, ...more });
    return (answer as { shootId: string }).shootId;
  }

  credit(user: string, change = 1): Promise<unknown> {
    return this.post('play/credits', { user, change });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await gone;
  }
}
