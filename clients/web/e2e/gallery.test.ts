/** How the components look, and whether everybody can read them. */

import { mkdirSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violations } from './axe.ts';
import { launch, Page } from './browser.ts';
import { chromiumPath } from './browsers.ts';

const SHOTS = new URL('../artifacts/', import.meta.url).pathname;
const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; margin: 24px; color: var(--kull-text);
    background: var(--kull-surface); max-width: 640px }
  h2 { font-size: 0.8rem; font-weight: 400; color: var(--kull-muted); margin: 20px 0 4px }
`;

describe.skipIf(!chromiumPath)('the components', () => {
  let page: Page;
  let browser: Browser;

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    [page, browser] = await Promise.all([Page.serve('e2e/gallery.tsx', STYLE), launch()]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await page?.close();
  });

  it.each(['light', 'dark'] as const)('show each of their states, %s', async (colorScheme) => {
    const tab = await browser.newPage({ colorScheme, viewport: { width: 700, height: 900 } });
    await tab.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await tab.goto(page.url);
    const shown = (state: string) => tab.getByRole('region', { name: state, exact: true });
    for (const [state, text] of [
      ['connected', 'Connected'],
      ['connecting', 'Connecting…'],
      ['reconnecting', 'Reconnecting…'],
      ['catching up', 'of 3999'],
      ['stale', 'No news, as of 3 min ago'],
      ['disconnected', 'Disconnected'],
      ['action needed: sign in', 'Sign in again'],
      ['action needed: retry', 'Try again'],
      ['no news yet', 'No news of this shoot yet.'],
      ['queued', 'Queued'],
      ['processing', 'about 2 min'],
      ['completed', 'Done'],
      ['failed', 'IMG_0024.jpg is no photograph'],
      ['four together', 'Otto, looks at IMG_0012, 2 devices'],
      ['four together', 'Otto and Zoe are typing'],
      ['a large room', '308 more'],
      ['online', 'Otto: online'],
      ['offline', 'Otto: last seen 12 min ago'],
      ['no device', 'No device is connected.'],
      ['three devices', "Maya's Mac"],
    ] as const) {
      await shown(state).getByText(text).first().waitFor();
    }
    await tab.screenshot({ path: `${SHOTS}components-${colorScheme}.png`, fullPage: true });

    expect(await violations(tab.getByRole('region'))).toEqual([]);
    await tab.close();
  });
});
