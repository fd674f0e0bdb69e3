/** Debian's Chromium, and a page of our own in it. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium } from 'playwright-core';
import { build } from 'vite';
import { chromiumPath } from './browsers.ts';

export const SWITCHES = [
  ...['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
];

export async function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: SWITCHES });
}

/** A program and its styles, as one text each; what it exports is `window.kull`. */
export async function bundled(entry: string): Promise<{ script: string; css: string }> {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    oxc: { jsx: { runtime: 'automatic', development: false } },
    define: { 'process.env.NODE_ENV': '"production"' },
    resolve: { conditions: ['kull-source', 'browser', 'module', 'import'] },
    build: { write: false, lib: { entry, name: 'kull', formats: ['iife'], cssFileName: 'style' } },
  });
  const files = [result].flat().flatMap((each) => ('output' in each ? each.output : []));
  let script = '';
  let css = '';
  for (const file of files) {
    if (file.type === 'chunk') script += file.code;
    else css += file.source;
  }
  return { script, css };
}

/** Serves an empty page with a program in it. */
export class Page {
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** Serve `window.kull`, or another program, with a style sheet of its own. */
  static async serve(entry = 'packages/sync/src/index.ts', style = ''): Promise<Page> {
    const { script, css } = await bundled(entry);
    const html =
      `<!doctype html><html lang="en"><title>test</title><style>${css}${style}</style><body>` +
      `<script>${script.replaceAll('</', '<\\/')}</script></body></html>`;
    const server = createServer((_, answer) => {
      answer.setHeader('content-type', 'text/html; charset=utf-8');
      answer.end(html);
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    return new Page(server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
