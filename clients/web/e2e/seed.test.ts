/** The snippets that people know, word for word, in a browser's console and in Node. */

import type { Browser, BrowserContext, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { launch } from './browser.ts';
import { chromiumPath } from './browsers.ts';
import { Kull } from './kull.ts';

const WAIT = { timeout: 20_000, interval: 20 };

const MONITOR = `
const ws = new WebSocket(\`ws://localhost:5000/ws?token=YOUR_USER_ID\`);
ws.onmessage = (e) => console.log('Received:', JSON.parse(e.data));
ws.onopen = () => console.log('Connected');
ws.onclose = () => console.log('Disconnected');
`;

const CREDIT = `
// Send test credit update
fetch('/api/sync/credit-update', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    userId: 'YOUR_USER_ID', // Get from console logs
    newBalance: 1000,
    change: 100,
    reason: 'Test',
  }),
});
`;

const SHOOT = `
fetch('/api/sync/shoot-progress', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    userId: 'YOUR_USER_ID',
    shootId: 'test-shoot-123',
    status: 'processing',
    processedCount: 50,
    totalCount: 100,
    currentImage: 'IMG_0050.jpg',
    eta: 60,
    provider: 'Test',
  }),
});
`;

const PROMPT = `
// After marketplace prompt update
fetch('/api/sync/prompt-change', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    promptId: 'prompt_789',
    action: 'voted', // 'created' | 'updated' | 'deleted' | 'voted'
    userIds: ['user_123', 'user_456'], // optional: specific users to notify
  }),
});
`;

const NATIVE = `
// In native app (React Native, Swift, etc.)
const token = \`\${userId}:\${deviceId}\`; // Device token format
const ws = new WebSocket(\`wss://kull.ai/ws?token=\${token}\`);

ws.onopen = () => {
  console.log('Connected to sync server');
};

ws.onmessage = (event) => {
  const message = JSON.parse(event.data);
  handleSyncMessage(message);
};
`;

const PROGRESS = `
// Native app sends progress while processing
ws.send(JSON.stringify({
  type: 'UPDATE_PROGRESS',
  payload: {
    shootId: 'shoot_456',
    status: 'processing',
    processedCount: 15,
    totalCount: 100,
    currentImage: 'IMG_0015.jpg',
    eta: 120,
    provider: 'Local',
  },
}));
`;

interface Message {
  type: string;
  data: Record<string, unknown>;
  userId: string;
}

let kull: Kull;

beforeAll(async () => {
  kull = await new Kull().start();
}, 60_000);
afterAll(() => kull.stop());

/** Only what a person would put in: the user's id, and where it runs. */
const here = (snippet: string) =>
  snippet
    .replaceAll('YOUR_USER_ID', 'user_123')
    .replace('localhost:5000', new URL(kull.http).host)
    .replace('wss://kull.ai', kull.http.replace('http', 'ws'));

const until = (condition: () => unknown) =>
  vi.waitFor(() => expect(condition()).toBeTruthy(), WAIT);

describe.skipIf(!chromiumPath)('in a browser’s console', () => {
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    browser = await launch();
  }, 60_000);
  afterAll(() => browser?.close());
  beforeEach(async () => {
    context = await browser.newContext();
  });
  afterEach(() => context.close());

  /** A tab of the page's own origin, and what its console got. */
  async function open(): Promise<{ tab: Tab; said: string[]; received: Message[] }> {
    const tab = await context.newPage();
    const said: string[] = [];
    const received: Message[] = [];
    tab.on('console', async (line) => {
      const [what, value] = line.args();
      said.push(line.text());
      if ((await what?.jsonValue()) === 'Received:' && value) {
        received.push((await value.jsonValue()) as Message);
      }
    });
    await tab.goto(`${kull.http}/livez`);
    return { tab, said, received };
  }

  it('every tab sees what each trigger sends', async () => {
    const tabs = [await open(), await open(), await open()];
    for (const { tab, said, received } of tabs) {
      await tab.evaluate(here(MONITOR));
      // WELCOME: what is published before that is older than a device that nobody knew.
      await until(() => said.includes('Connected') && received.length > 0);
    }
    const [first] = tabs;
    for (const snippet of [CREDIT, SHOOT, PROMPT]) {
      const status = await first?.tab.evaluate(
        `(${here(snippet)
          .trim()
          .replace(/^\/\/.*\n/, '')
          .replace(/;$/, '')}).then((answer) => answer.status)`,
      );
      expect(status).toBe(202);
    }

    for (const { received } of tabs) {
      const of = (type: string) => received.find((message) => message.type === type);
      await until(() => of('CREDIT_UPDATE') && of('SHOOT_PROGRESS') && of('PROMPT_CHANGE'));
      expect(of('CREDIT_UPDATE')).toMatchObject({
        userId: 'user_123',
        data: { userId: 'user_123', newBalance: 1000, change: 100, reason: 'Test' },
      });
      expect(of('SHOOT_PROGRESS')?.data).toMatchObject({ processedCount: 50, eta: 60 });
      expect(of('PROMPT_CHANGE')?.data).toEqual({ promptId: 'prompt_789', action: 'voted' });
    }
  });

  it('a page of another origin opens nothing and triggers nothing', async () => {
    const tab = await context.newPage();
    await tab.route('http://evil.example/', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>evil</title>' }),
    );
    await tab.goto('http://evil.example/');
    const outcome = await tab.evaluate(async (http) => {
      const socket = new globalThis.WebSocket(`${http.replace('http', 'ws')}/ws?token=user_123`);
      const opened = await new Promise((resolve) => {
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      });
      const post = (type: string) =>
        fetch(`${http}/api/sync/credit-update`, {
          method: 'POST',
          headers: { 'Content-Type': type },
          body: JSON.stringify({ userId: 'user_123', newBalance: 6, change: 6, reason: 'Evil' }),
        }).then(
          (answer) => answer.status,
          () => 'refused',
        );
      return { opened, json: await post('application/json'), text: await post('text/plain') };
    }, kull.http);

    expect(outcome).toEqual({ opened: false, json: 'refused', text: 'refused' });
  });
});

describe('in Node', () => {
  it('a native app and a server talk to each other', async () => {
    const received: Message[] = [];
    const said: string[] = [];
    const Native = Function(
      ...['WebSocket', 'userId', 'deviceId', 'handleSyncMessage', 'console'],
      `${here(NATIVE)}; return { ws, progress() { ${PROGRESS} } };`,
    );
    const app = (deviceId: string) =>
      Native(WebSocket, 'user_123', deviceId, (message: Message) => received.push(message), {
        log: (line: string) => said.push(line),
      });
    const [mac, phone] = [app('mac'), app('phone')];
    await until(() => received.filter((message) => message.type === 'WELCOME').length === 2);
    expect(said).toEqual(['Connected to sync server', 'Connected to sync server']);

    mac.progress();
    await until(() => received.some((message) => message.type === 'SHOOT_PROGRESS'));
    const server = Function(
      'fetch',
      `return ${here(CREDIT)
        .trim()
        .replace(/^\/\/.*\n/, '')}`,
    );
    const answer = await server((path: string, init: RequestInit) => fetch(kull.http + path, init));
    expect(answer.status).toBe(202);
    await until(() => received.filter((message) => message.type === 'CREDIT_UPDATE').length === 2);
    mac.ws.close();
    phone.ws.close();
  });
});
