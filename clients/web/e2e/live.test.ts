/** The page on a mesh alone, as `kull up` serves it. Needs `make page`. */

import { mkdirSync } from 'node:fs';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { violations } from './axe.ts';
import { launch } from './browser.ts';
import { chromiumPath } from './browsers.ts';
import { Kull } from './kull.ts';

const WAIT = { timeout: 20_000, interval: 50 };
const SHOTS = new URL('../artifacts/', import.meta.url).pathname;

let kull: Kull;
let browser: Browser;

const until = (condition: () => Promise<unknown>) =>
  vi.waitFor(async () => expect(await condition()).toBeTruthy(), WAIT);
const colour = (tab: Tab) => tab.locator('.kull-indicator').getAttribute('data-colour');

async function signIn(tab: Tab, token: string): Promise<void> {
  await tab.getByLabel('Device token').fill(token);
  await tab.getByRole('button', { name: 'Connect' }).click();
}

describe.skipIf(!chromiumPath)('the page of a mesh that is up', () => {
  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    [kull, browser] = await Promise.all([new Kull().start(), launch()]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await kull?.stop();
  });

  it('asks for a device token and shows what that device sees', async () => {
    const tab = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await tab.goto(kull.http);
    await tab.screenshot({ path: `${SHOTS}live-sign-in.png` });
    await signIn(tab, kull.run('token', '--user', 'maya', '--device', 'browser'));
    await until(async () => (await colour(tab)) === 'green');
    await tab.getByText('kull send shoot-progress --user maya').waitFor();
    await tab.screenshot({ path: `${SHOTS}live-empty.png` });
    await kull.progress('maya', { shootId: 'dunes', processedCount: 40 });
    await kull.credit('maya', 93, -1);

    await tab.locator('header').getByText('93').waitFor();
    await tab.getByText('40 %').waitFor();
    await tab.screenshot({ path: `${SHOTS}live.png` });
    await tab.getByRole('link', { name: 'Open dunes' }).click();
    await tab.reload();
    await tab.getByRole('heading', { name: 'Shoot dunes' }).waitFor();
    await tab.getByText('40 %').waitFor();
    await tab.close();
  });

  it('with a token that is refused is red, and lets one sign in with another', async () => {
    const tab = await browser.newPage();
    await tab.goto(kull.http);
    await signIn(tab, 'a.forged.token');
    await tab.getByRole('button', { name: 'Sign in again' }).click();
    await signIn(tab, kull.run('token', '--user', 'otto', '--device', 'browser'));

    await until(async () => (await colour(tab)) === 'green');
    await tab.getByRole('link', { name: 'Settings' }).click();
    await tab.getByRole('button', { name: 'Sign out', exact: true }).click();
    await tab.getByLabel('Device token').waitFor();
    await tab.close();
  });

  it('signs out another device of the user, after a confirmation', async () => {
    const mine = await browser.newPage({ viewport: { width: 420, height: 800 } });
    const other = await browser.newPage();
    for (const [tab, device] of [
      [mine, 'browser'],
      [other, 'phone'],
    ] as const) {
      await tab.goto(kull.http);
      await signIn(
        tab,
        kull.run('token', '--user', 'trillian', '--device', device, '--name', device),
      );
      await until(async () => (await colour(tab)) === 'green');
    }
    await mine.getByRole('link', { name: 'Settings' }).click();
    await mine.getByRole('button', { name: 'Sign out phone' }).click();
    const question = mine.getByRole('group', { name: /Sign out phone/ });
    expect(await violations(question)).toEqual([]);
    await mine.screenshot({ path: `${SHOTS}live-sign-out.png` });
    await question.getByRole('button', { name: 'Sign out' }).click();

    await until(async () => (await colour(other)) === 'red');
    await until(async () => (await mine.getByText('phone', { exact: true }).count()) === 0);
    await Promise.all([mine.close(), other.close()]);
  });

  it.each(['light', 'dark'] as const)('axe finds nothing, %s', async (colorScheme) => {
    const tab = await browser.newPage({ colorScheme });
    await tab.goto(kull.http);
    expect(await violations(tab.getByLabel('Device token'))).toEqual([]);
    await signIn(tab, `axe-${colorScheme}`);
    await until(async () => (await colour(tab)) === 'green');
    expect(await violations(tab.getByText('kull send'))).toEqual([]);
    await tab.close();
  });
});
