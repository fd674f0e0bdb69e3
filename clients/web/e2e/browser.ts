/** Debian's Chromium, and a page of our own in it. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { build } from 'vite';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where it is; undefined if nowhere, which is told once. */
export function chromiumPath(): string | undefined {
  const path = process.env.KULL_TEST_CHROMIUM ?? PLACES.find((each) => existsSync(each));
  if (!path) console.warn('no browser test: install Chromium, e.g. apt-get install chromium');
  return path;
}

export async function launch(): Promise<Browser> {
  const executablePath = chromiumPath() ?? '';
  return chromium.launch({
    executablePath,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-sync'],
      ...['--disable-background-networking', '--disable-component-update'],
    ],
  });
}

/** Serves an empty page with `window.kull`, the SDK as applications get it. */
export class Page {
  readonly #server: Server;
  readonly #folder: string;
  readonly url: string;

  private constructor(server: Server, folder: string) {
    this.#server = server;
    this.#folder = folder;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  static async serve(): Promise<Page> {
    const folder = mkdtempSync(join(tmpdir(), 'kull-page-'));
    const result = await build({
      configFile: false,
      logLevel: 'silent',
      resolve: { conditions: ['kull-source', 'browser', 'module', 'import'] },
      build: {
        write: false,
        lib: { entry: 'packages/sync/src/index.ts', name: 'kull', formats: ['iife'] },
      },
    });
    const [output] = [result].flat() as { output: { code?: string }[] }[];
    const script = output?.output[0]?.code ?? '';
    const html = `<!doctype html><title>test</title><script>${script.replaceAll('</', '<\\/')};window.kull=kull</script>`;
    const server = createServer((_, answer) => {
      answer.setHeader('content-type', 'text/html; charset=utf-8');
      answer.end(html);
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    return new Page(server, folder);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
