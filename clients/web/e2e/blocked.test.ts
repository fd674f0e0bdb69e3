/** Where the browser gives no site data: a sandboxed frame, and all cookies blocked. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Frame } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launch, Page, SWITCHES } from './browser.ts';
import { chromiumPath } from './browsers.ts';
import { Kull } from './kull.ts';

const WAIT = { timeout: 20_000, interval: 20 };
const until = (condition: () => Promise<unknown>) =>
  vi.waitFor(async () => expect(await condition()).toBeTruthy(), WAIT);

let kull: Kull;
let page: Page;
let browser: Browser;
let entrance: Server;
let url: string;

/**
 * A way to the edge on which no request says which page it is of: a sandboxed frame's is `null`,
 * which edges refuse.
 */
async function withoutOrigins(edge: string): Promise<Server> {
  const { port } = new URL(edge);
  const server = createServer();
  server.on('upgrade', (request, device, head) => {
    const lines = request.rawHeaders
      .map((each, n) => (n % 2 ? `${each}\r\n` : `${each}: `))
      .join('')
      .replace(/^Origin: .*\r\n/im, '');
    const upstream = dial(Number(port), '127.0.0.1', () => {
      upstream.write(`GET ${request.url} HTTP/1.1\r\n${lines}\r\n`);
      upstream.write(head);
      upstream.pipe(device).pipe(upstream);
    });
    for (const [one, other] of [[upstream, device] as const, [device, upstream] as const]) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return server;
}

/** Connect in a frame, with all that the SDK does unless told otherwise; returns the errors. */
async function connect(frame: Frame, token: string): Promise<void> {
  await frame.evaluate(
    ({ url, token }) => {
      window.credits = [];
      window.errors = [];
      window.client = new window.kull.SyncClient({ url, token, random: () => 0.1 });
      window.client.on('CREDIT_UPDATE', ({ data }) => window.credits.push(data.newBalance));
      window.client.on('error', (error) => window.errors.push(String(error)));
      window.client.connect();
    },
    { url, token },
  );
}

/** What the browser says when it is asked for a lock, and for a database. */
const refusals = (frame: Frame) =>
  frame.evaluate(async () => {
    const lock = await navigator.locks.request('a', () => 'given').catch(String);
    const opened = await new Promise<string>((done) => {
      try {
        const request = indexedDB.open('a');
        request.onsuccess = () => done('given');
        request.onerror = () => done(String(request.error));
      } catch (error) {
        done(String(error));
      }
    });
    return [lock, opened];
  });

/** It connects, gets more events than one window holds, and goes on after a lost connection. */
async function works(frame: Frame, user: string): Promise<void> {
  await connect(frame, user);
  await until(() => frame.evaluate(() => window.client.state.name === 'connected'));
  for (let balance = 1; balance <= 80; balance++) await kull.credit(user, balance);
  await until(() => frame.evaluate(() => window.credits.length === 80));
  await frame.evaluate(() => {
    window.client.disconnect();
    window.client.connect();
  });
  await kull.credit(user, 81);
  await until(() => frame.evaluate(() => window.credits.length === 81));
  expect(await frame.evaluate(() => window.credits)).toEqual(
    Array.from({ length: 81 }, (_, index) => index + 1),
  );
}

declare global {
  interface Window {
    errors: string[];
  }
}

describe.skipIf(!chromiumPath)('where site data is blocked, it connects without sharing', () => {
  beforeAll(async () => {
    [kull, page, browser] = await Promise.all([new Kull().start(), Page.serve(), launch()]);
    entrance = await withoutOrigins(kull.edges[0] as string);
    url = `ws://127.0.0.1:${(entrance.address() as AddressInfo).port}/ws`;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await Promise.all([page?.close(), kull?.stop()]);
    entrance?.close();
  });

  it('in a sandboxed frame', async () => {
    const tab = await browser.newPage();
    await tab.goto(page.url);
    await tab.evaluate((url) => {
      const frame = document.createElement('iframe');
      frame.setAttribute('sandbox', 'allow-scripts');
      frame.src = url;
      document.body.append(frame);
    }, page.url);
    await vi.waitFor(() => expect(tab.frames().length).toBe(2), WAIT);
    const frame = tab.frames()[1] as Frame;
    await frame.waitForLoadState();
    for (const refusal of await refusals(frame)) expect(refusal).toMatch('SecurityError');

    await works(frame, 'sandy');
    expect(await frame.evaluate(() => window.errors.length)).toBeGreaterThan(0);
    await tab.close();
  });

  it('where all cookies are blocked', async () => {
    const home = mkdtempSync(join(tmpdir(), 'kull-web-'));
    mkdirSync(join(home, 'Default'));
    const values = { default_content_setting_values: { cookies: 2 } };
    writeFileSync(join(home, 'Default', 'Preferences'), JSON.stringify({ profile: values }));
    const context = await chromium.launchPersistentContext(home, {
      executablePath: chromiumPath,
      args: SWITCHES,
    });
    try {
      const tab = await context.newPage();
      await tab.goto(page.url);
      for (const refusal of await refusals(tab.mainFrame())) expect(refusal).not.toBe('given');

      await works(tab.mainFrame(), 'bo');
    } finally {
      await context.close();
      rmSync(home, { recursive: true, force: true });
    }
  });
});
