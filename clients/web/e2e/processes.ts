/** A router and an edge as processes of their own, on a real RabbitMQ. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BIN = join(ROOT, '.venv/bin');
const SECRET = 'the-secret-of-this-test-has-32-bytes-or-more';
const READY = 60_000; // ms

export class Processes {
  readonly #home = mkdtempSync(join(tmpdir(), 'kull-web-'));
  #env: NodeJS.ProcessEnv = {};
  #rabbitmq: ChildProcess | undefined;
  #router: ChildProcess | undefined;
  #edge: ChildProcess | undefined;
  #console: ChildProcess | undefined;
  edge = '';
  console = '';

  async start(): Promise<this> {
    this.#rabbitmq = spawn(join(BIN, 'python'), ['-m', 'tests.support.rabbitmq'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [grpc, edge] = [await freePort(), await freePort()];
    this.#env = {
      ...process.env,
      KULL_AMQP_URL: await firstLine(this.#rabbitmq),
      KULL_TOKEN_SECRET: SECRET,
      KULL_HOME: this.#home,
      KULL_DATA: join(this.#home, 'data'),
      KULL_GRPC_PORT: String(grpc),
      KULL_EDGE_ROUTERS: `127.0.0.1:${grpc}`,
      KULL_EDGE_PORT: String(edge),
      KULL_LOG_LEVEL: 'error',
    };
    this.edge = `ws://127.0.0.1:${edge}/ws`;
    this.startRouter();
    this.#edge = this.#spawn('edge');
    await this.#ready(`http://127.0.0.1:${edge}/readyz`);
    return this;
  }

  /** Start the console as well; `keys` are its operators' scopes by their names. */
  async startConsole(keys: Record<string, string>): Promise<Record<string, string>> {
    const port = await freePort();
    this.#env.KULL_SERVICE_KEYS = join(this.#home, 'keys.json');
    this.#env.KULL_CONSOLE_PORT = String(port);
    const made: Record<string, string> = {};
    for (const [name, scope] of Object.entries(keys)) {
      made[name] = await this.run('keys', 'add', name, '--scope', scope);
    }
    this.#console = this.#spawn('console');
    this.console = `http://127.0.0.1:${port}/console`;
    await this.#ready(`http://127.0.0.1:${port}/readyz`);
    return made;
  }

  /** Run a program of the tests' Python, which finds RabbitMQ in KULL_AMQP_URL. */
  async python(code: string, ...values: string[]): Promise<void> {
    await promisify(execFile)(join(BIN, 'python'), ['-c', code, ...values], { env: this.#env });
  }

  /** As a power cut would. */
  async killRouter(): Promise<void> {
    await end(this.#router, 'SIGKILL');
  }

  startRouter(): void {
    this.#router = this.#spawn('router');
  }

  /** Run a `kull` tool; returns what it prints. */
  async run(...command: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(join(BIN, 'kull'), command, { env: this.#env });
    return stdout.trim();
  }

  async stop(): Promise<void> {
    for (const each of [this.#console, this.#edge, this.#router]) await end(each, 'SIGKILL');
    await end(this.#rabbitmq, 'SIGTERM');
    rmSync(this.#home, { recursive: true, force: true });
  }

  #spawn(role: string): ChildProcess {
    return spawn(join(BIN, 'kull'), [role], {
      env: this.#env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  async #ready(url: string): Promise<void> {
    const deadline = Date.now() + READY;
    while (Date.now() < deadline) {
      const answer = await fetch(url).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${url} was not ready within ${READY / 1000} s`);
  }
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('it has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    return line;
  }
  throw new Error('there is no RabbitMQ: see above');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === 'object' && address ? address.port : 0;
}
