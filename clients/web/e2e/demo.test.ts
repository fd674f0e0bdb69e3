/** The demo page, as a person uses it. Needs `npm run build`, for the page. */

import { mkdirSync } from 'node:fs';
import type { Browser, BrowserContext, FrameLocator, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { violations } from './axe.ts';
import { launch } from './browser.ts';
import { chromiumPath } from './browsers.ts';
import { Play } from './play.ts';

const WAIT = { timeout: 30_000, interval: 50 };
const SHOTS = new URL('../artifacts/', import.meta.url).pathname;

let play: Play;
let browser: Browser;
let context: BrowserContext;
let users = 0;

describe.skipIf(!chromiumPath)('the demo page', () => {
  let user: string;

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    [play, browser] = await Promise.all([Play.start(), launch()]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await play?.stop();
  });
  beforeEach(async () => {
    user = `user${++users}`;
    context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  });
  afterEach(() => context.close());

  const until = (condition: () => Promise<unknown>) =>
    vi.waitFor(async () => expect(await condition()).toBeTruthy(), WAIT);
  const indicator = (tab: Tab) => tab.locator('.window > header .kull-indicator').first();
  const colour = (tab: Tab) => indicator(tab).getAttribute('data-colour');
  const percent = async (tab: Tab | FrameLocator) =>
    Number(await tab.getByRole('progressbar').first().getAttribute('aria-valuenow'));
  const phone = (tab: Tab) => tab.frameLocator('iframe');

  async function open(path = '', where = context): Promise<Tab> {
    const tab = await where.newPage();
    await tab.goto(`${play.url}${path}?user=${user}`);
    await until(async () => (await colour(tab)) === 'green');
    await phone(tab).locator('.kull-indicator[data-colour=green]').waitFor();
    return tab;
  }

  it('shows a credit in two tabs, on the phone and in another browser', async () => {
    const other = await browser.newContext();
    const tabs = [await open(), await open(), await open('', other)];
    await (tabs[0] as Tab).getByRole('button', { name: 'Buy 50' }).click();

    for (const tab of tabs) {
      await tab.getByText('Credits added').waitFor();
      await tab.locator('.window > header').getByText('170').waitFor();
      await phone(tab).getByText('170').waitFor();
    }
    await other.close();
  });

  it('follows a shoot live to its end, on both devices', async () => {
    const tab = await open();
    await tab.getByRole('button', { name: 'Start a shoot' }).click();
    const seen = new Set<number>();
    await until(async () => {
      seen.add(await percent(tab));
      return seen.has(100);
    });

    expect(seen.size, 'it moved').toBeGreaterThan(3);
    expect([...seen], 'never backwards').toEqual([...seen].sort((a, b) => a - b));
    await phone(tab).getByText('Done').waitFor();
  });

  it('shows the right number at once when it is reloaded within a shoot', async () => {
    const shoot = await play.shoot(user, 200);
    const tab = await open(`shoots/${shoot}`);
    await until(async () => (await percent(tab)) >= 20);
    const before = await percent(tab);
    await tab.reload();
    await tab.getByRole('progressbar').first().waitFor();
    const first = await tab.waitForFunction(() => {
      const now = Number(
        document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow'),
      );
      return now > 0 && now;
    });

    expect(await first.jsonValue()).toBeGreaterThanOrEqual(before);
  });

  it('offline for 20 s while 200 ticks and 3 credits pass, it then shows the newest and 3 notices', async () => {
    const tab = await open();
    await tab.getByRole('listitem').filter({ hasText: 'Browser' }).getByRole('button').click();
    await until(async () => (await indicator(tab).getAttribute('data-phase')) === 'offline');
    const began = Date.now();
    await tab.screenshot({ path: `${SHOTS}offline.png` });
    await play.shoot(user, 200, { pace: 0.1 });
    for (const done of [10, 50, 90]) {
      await until(async () => (await percent(phone(tab))) >= done);
      await play.credit(user);
    }
    await phone(tab).getByText('Done').waitFor();
    expect(Date.now() - began, 'ms offline').toBeGreaterThanOrEqual(20_000);
    expect(await tab.locator('.window .kull-shoot').count(), 'it knows of none').toBe(0);
    await tab.getByRole('button', { name: 'Go online' }).click();

    await until(async () => (await colour(tab)) === 'green');
    await until(async () => (await percent(tab)) === 100);
    await until(async () => (await tab.getByText('Credits added').count()) === 3);
    await tab.locator('.window > header').getByText('123').waitFor();
  });

  it('goes yellow when the edges are killed, then green, and nothing is lost', async () => {
    user = 'otto';
    const tab = await open();
    await play.shoot(user, 100);
    await until(async () => (await percent(tab)) > 5);
    for (const button of await tab.getByRole('button', { name: 'Kill' }).all())
      await button.click();
    await play.credit(user);
    await until(async () => (await colour(tab)) === 'yellow');
    await tab.screenshot({ path: `${SHOTS}edges-killed.png` });

    await until(async () => (await colour(tab)) === 'green');
    await tab.getByText('Credits added').waitFor();
    await until(async () => (await percent(tab)) === 100);
    await tab.locator('.window > header').getByText('121').waitFor();
  });

  it('stays green when the router is restarted, and nothing is lost', async () => {
    const tab = await open();
    const sockets: string[] = [];
    tab.on('websocket', (socket) => sockets.push(socket.url()));
    const colours = new Set<string | null>();
    await tab.getByRole('button', { name: 'Restart' }).click();
    await tab.getByText('restarts').waitFor();
    await play.credit(user);
    await until(async () => {
      colours.add(await colour(tab));
      return (await tab.getByText('Credits added').count()) > 0;
    });

    expect([...colours]).toEqual(['green']);
    expect(sockets).toEqual([]);
  });

  it('shows two people at one shoot: who looks at what, who types, and what was said meanwhile', async () => {
    user = 'maya';
    const tab = await open('together');
    const otto = phone(tab);
    const avatars = (where: Tab | FrameLocator) =>
      where.getByRole('list', { name: 'At this shoot' }).getByRole('listitem');
    const say = async (where: Tab | FrameLocator, text: string) => {
      await where.getByRole('textbox').fill(text);
      await where.getByRole('textbox').press('Enter');
    };
    const said = (where: Tab | FrameLocator, text: string) =>
      where.getByRole('list', { name: 'Comments' }).getByText(text).waitFor();
    await until(async () => (await avatars(tab).count()) === 2);
    await otto.getByRole('button', { name: 'IMG_0007' }).click();
    await tab.getByRole('button', { name: /IMG_0007.*Otto looks at it/ }).waitFor();
    await tab.getByRole('button', { name: 'IMG_0003' }).click();
    await otto.getByRole('button', { name: /IMG_0003.*Maya looks at it/ }).waitFor();
    await say(tab, 'This one for the cover?');
    await said(otto, 'This one for the cover?');
    await otto.getByRole('textbox').fill('Ye');
    await tab.getByText('Otto is typing').waitFor();
    await tab.screenshot({ path: `${SHOTS}together.png` });

    await tab.getByRole('listitem').filter({ hasText: 'Phone' }).getByRole('button').click();
    await until(async () => (await avatars(tab).count()) === 1);
    await tab.getByText('Otto: last seen').waitFor();
    for (const text of ['Or the next one.', 'I take it.']) await say(tab, text);
    await tab.screenshot({ path: `${SHOTS}together-offline.png` });
    await tab.getByRole('button', { name: 'Go online' }).click();

    await said(otto, 'Or the next one.');
    await said(otto, 'I take it.');
    await until(async () => (await avatars(tab).count()) === 2);
    await tab.getByText('Otto: online').waitFor();
    expect(await violations(tab.getByRole('heading', { name: 'Wedding in Ghent' }))).toEqual([]);
  });

  it('with a wrong token is red, offers an action, and does not try again', async () => {
    const tab = await context.newPage();
    const sockets: string[] = [];
    tab.on('websocket', (socket) => sockets.push(socket.url()));
    await tab.goto(`${play.url}?user=${user}&token=wrong`);
    await tab.getByRole('button', { name: 'Sign in again' }).waitFor();
    expect(await colour(tab)).toBe('red');
    await tab.screenshot({ path: `${SHOTS}wrong-token.png` });
    await phone(tab).locator('.kull-indicator[data-colour=green]').waitFor();
    const ofThePhone = 1;

    // Had it tried again, that would have been within these seconds.
    await tab.waitForTimeout(4_000);
    // React's StrictMode is off in what is built, so that one attempt is one connection.
    expect(sockets.length - ofThePhone).toBe(1);
  });

  it('lists both devices, names this one, and signs out for good', async () => {
    const tab = await open('settings');
    const rows = tab.getByRole('list', { name: 'Connected devices' }).getByRole('listitem');
    await until(async () => (await rows.count()) === 2);
    expect(await rows.first().textContent()).toContain('This device');
    await tab.screenshot({ path: `${SHOTS}settings.png` });
    await tab.getByRole('button', { name: 'Sign out', exact: true }).click();

    await tab.getByText('You are signed out.').waitFor();
    expect(await colour(tab)).toBe('red');
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await until(async () => (await colour(tab)) === 'green');
  });

  it('can be used by keyboard alone', async () => {
    const tab = await open();
    await tab.keyboard.press('Tab');
    for (let n = 0; n < 20; n++) {
      const focused = await tab.evaluate(() => document.activeElement?.textContent);
      if (focused === 'Start a shoot') break;
      await tab.keyboard.press('Tab');
    }
    await tab.keyboard.press('Enter');

    await tab.getByRole('progressbar').first().waitFor();
  });

  it('does not move for those who do not want it', async () => {
    const tab = await open();
    await tab.emulateMedia({ reducedMotion: 'reduce' });
    await play.shoot(user, 5);
    await tab.locator('.kull-bar-fill').first().waitFor();
    const [transition, pulse] = await tab.evaluate(() => {
      document.querySelector('.kull-indicator')?.setAttribute('data-colour', 'yellow');
      const style = (name: string) => getComputedStyle(document.querySelector(name) as Element);
      return [style('.kull-bar-fill').transitionDuration, style('.kull-dot').animationName];
    });

    expect([transition, pulse]).toEqual(['0s', 'none']);
  });

  it.each(['light', 'dark'] as const)(
    'has no violation that axe finds, %s',
    async (colorScheme) => {
      user = colorScheme === 'light' ? 'maya' : 'nora'; // these pictures are in the README
      const tab = await open();
      await tab.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await play.shoot(user, 60);
      await play.shoot(user, 4, { fails: true });
      await play.credit(user);
      await tab.getByText('Failed').first().waitFor();
      await tab.getByText('Credits added').waitFor();
      for (const page of ['Shoots', 'Prompts', 'Settings']) {
        await tab.getByRole('link', { name: page, exact: true }).click();
        await tab.getByRole('heading', { name: page }).waitFor();
        await tab.screenshot({ path: `${SHOTS}${page.toLowerCase()}-${colorScheme}.png` });
        expect(await violations(tab.getByRole('heading', { name: page })), page).toEqual([]);
      }
    },
  );

  it('fits a narrow window', async () => {
    const tab = await open();
    await tab.setViewportSize({ width: 360, height: 760 });
    await play.shoot(user, 10);
    await tab.getByRole('progressbar').first().waitFor();
    await tab.screenshot({ path: `${SHOTS}narrow.png`, fullPage: true });

    const overflow = await tab.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBeLessThanOrEqual(0);
  });
});
