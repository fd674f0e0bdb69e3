/** Two people in two browsers, in one room, on a real mesh. */

import type { Browser, BrowserContext, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { launch, Page } from './browser.ts';
import { chromiumPath } from './browsers.ts';
import { Kull } from './kull.ts';

interface Shown {
  show(url: string[], user: string, token: string, other: string): void;
}

const WAIT = { timeout: 20_000, interval: 50 };
const HOUR = 3_600;
let kull: Kull;
let page: Page;
let browser: Browser;
let contexts: BrowserContext[];

const until = (condition: () => Promise<unknown>, wanted: unknown) =>
  vi.waitFor(async () => expect(await condition()).toEqual(wanted), WAIT);

/** A tab of a person, in the browser of this context. */
async function open(context: BrowserContext, user: string): Promise<Tab> {
  const tab = await context.newPage();
  const exp = Math.floor(Date.now() / 1_000) + HOUR;
  const token = kull.token({ sub: user, exp, rooms: { wedding: ['read', 'write', 'presence'] } });
  const other = user === 'maya' ? 'otto' : 'maya';
  await tab.goto(page.url);
  await tab.evaluate(
    ({ edges, user, token, other }) => {
      (window as unknown as { kull: Shown }).kull.show(edges, user, token, other);
    },
    { edges: kull.edges, user, token, other },
  );
  await until(() => titles(tab).then((all) => all.some((each) => each?.includes('(you)'))), true);
  return tab;
}

async function person(user: string): Promise<[Tab, BrowserContext]> {
  const context = await browser.newContext();
  contexts.push(context);
  return [await open(context, user), context];
}

const titles = (tab: Tab) =>
  tab.locator('.kull-avatar').evaluateAll((all) => all.map((each) => each.getAttribute('title')));
const typing = (tab: Tab) => tab.locator('.kull-typing').textContent();
const comments = (tab: Tab) =>
  tab.getByRole('list', { name: 'Comments' }).getByRole('listitem').allTextContents();

describe.skipIf(!chromiumPath)('two people in one room', () => {
  beforeAll(async () => {
    [kull, page, browser] = await Promise.all([
      new Kull().start('--edges', '2'),
      Page.serve('e2e/together.tsx'),
      launch(),
    ]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await Promise.all([page?.close(), kull?.stop()]);
  });
  beforeEach(() => {
    contexts = [];
  });
  afterEach(() => Promise.all(contexts.map((each) => each.close())));

  it('see each other, what they look at, and who types', async () => {
    const [maya] = await person('maya');
    const [otto] = await person('otto');
    await until(() => titles(maya), ['maya (you), looks at IMG_1', 'otto, looks at IMG_1']);
    await until(() => titles(otto), ['maya, looks at IMG_1', 'otto (you), looks at IMG_1']);
    await otto.getByRole('button', { name: 'IMG_3' }).click();
    await until(() => titles(maya), ['maya (you), looks at IMG_1', 'otto, looks at IMG_3']);
    await otto.getByRole('textbox', { name: 'Comment' }).fill('n');

    await until(() => typing(maya), 'otto is typing');
    expect(await typing(otto)).toBe('');
    await until(() => typing(maya), '');
  });

  it('who loses the network stays for a while, and finds everybody again', async () => {
    const [maya] = await person('maya');
    const [otto, network] = await person('otto');
    await until(() => titles(maya).then((all) => all.length), 2);
    await otto.getByRole('button', { name: 'IMG_2' }).click();
    await network.setOffline(true);
    await maya.getByRole('button', { name: 'IMG_3' }).click();
    await network.setOffline(false);

    await until(() => titles(otto), ['maya, looks at IMG_3', 'otto (you), looks at IMG_2']);
    await until(() => titles(maya), ['maya (you), looks at IMG_3', 'otto, looks at IMG_2']);
  });

  it('what was said while somebody was away is there afterwards', async () => {
    const [maya] = await person('maya');
    const [otto, network] = await person('otto');
    const say = async (text: string) => {
      await maya.getByRole('textbox', { name: 'Comment' }).fill(text);
      await maya.getByRole('textbox', { name: 'Comment' }).press('Enter');
      await until(() => comments(maya).then((all) => all.includes(text)), true);
    };
    await say('first');
    await until(() => comments(otto), ['first']);
    await network.setOffline(true);
    for (const text of ['second', 'third']) await say(text);
    await network.setOffline(false);

    await until(() => comments(otto), ['first', 'second', 'third']);
    expect(await maya.getByRole('alert').count()).toBe(0);
  });

  it('each knows whether the other one is online', async () => {
    const [maya] = await person('maya');
    const [otto] = await person('otto');
    await maya.getByText('otto: online').waitFor();
    await otto.close();

    await maya.getByText(/^otto: last seen /).waitFor();
  });

  it('who goes is gone for the other', async () => {
    const [maya] = await person('maya');
    const [otto] = await person('otto');
    await until(() => titles(maya).then((all) => all.length), 2);
    await otto.close();

    await until(() => titles(maya), ['maya (you), looks at IMG_1']);
  });

  it('ten tabs of one person are one member, until the last one closes', async () => {
    const [maya] = await person('maya');
    const [otto, context] = await person('otto');
    const tabs = [otto];
    while (tabs.length < 10) tabs.push(await open(context, 'otto'));
    for (const tab of [maya, ...tabs]) {
      await until(() => titles(tab).then((all) => all.length), 2);
    }
    expect((await titles(maya))[1]).toBe('otto, looks at IMG_1');
    await tabs[4]?.getByRole('button', { name: 'IMG_2' }).click();
    await until(() => titles(maya).then((all) => all[1]), 'otto, looks at IMG_2');
    for (const tab of tabs.slice(0, 9)) await tab.close();
    await until(() => titles(tabs[9] as Tab).then((all) => all.length), 2);
    expect((await titles(maya))[1]).toBe('otto, looks at IMG_2');
    await tabs[9]?.close();

    await until(() => titles(maya), ['maya (you), looks at IMG_1']);
  });
});
