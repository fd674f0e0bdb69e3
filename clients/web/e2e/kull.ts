/** A real `kull up` for a test, and what a worker or billing service would send to it. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ShootProgress } from '@kull/sync';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const KULL = join(ROOT, '.venv/bin/kull');

export class Kull {
  readonly #home = mkdtempSync(join(tmpdir(), 'kull-web-'));
  readonly #env = { ...process.env, KULL_HOME: this.#home };
  #process: ChildProcess | undefined;
  #serviceToken = '';
  http = '';
  edges: string[] = [];

  /** Start it, again on the same data and ports if it ran before. */
  async start(...options: string[]): Promise<this> {
    const port = this.http ? new URL(this.http).port : '0';
    const fixed = [
      'up',
      '--port',
      port,
      '--data',
      join(this.#home, 'data'),
      '--allow-plain-tokens',
    ];
    const child = spawn(KULL, [...fixed, ...options], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith('kull is ready:')) continue;
      const urls = line.match(/\w+:\/\/\S+/g) ?? [];
      this.edges = urls.filter((url) => url.startsWith('ws'));
      this.http = urls.find((url) => url.startsWith('http')) ?? '';
      child.stdout.resume();
      this.#serviceToken ||= this.run('service-token');
      return this;
    }
    throw new Error(`kull up did not start: ${errors}`);
  }

  /** Run another `kull` command; returns what it prints. */
  run(...command: string[]): string {
    return execFileSync(KULL, command, { env: this.#env, encoding: 'utf8' }).trim();
  }

  /** A signed device token, as the application's own server would make it. */
  token(claims: { sub: string; exp: number; device?: string; rooms?: object }): string {
    const secret = readFileSync(join(this.#home, 'development-secret'), 'utf8').trim();
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: claims.exp - 60, ...claims })}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    rmSync(this.#home, { recursive: true, force: true });
  }

  credit(userId: string, newBalance: number, change = 1): Promise<void> {
    return this.#post('credit-update', { userId, newBalance, change, reason: 'test' });
  }

  progress(userId: string, progress: Partial<ShootProgress>): Promise<void> {
    const data = { shootId: 's', status: 'processing', totalCount: 100, provider: 'test' };
    return this.#post('shoot-progress', { userId, ...data, ...progress });
  }

  prompt(promptId: string, action: string): Promise<void> {
    return this.#post('prompt-change', { promptId, action });
  }

  async #post(path: string, body: object): Promise<void> {
    const answer = await fetch(`${this.http}/api/sync/${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#serviceToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  }
}
