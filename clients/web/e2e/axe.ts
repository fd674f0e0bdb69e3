/** What axe finds on a page, once there is something on it. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Locator } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Wait until `shown` is there, as an empty page has other faults, and return each violation. */
export async function violations(shown: Locator): Promise<string[]> {
  await shown.first().waitFor();
  const tab = shown.page();
  await tab.evaluate(AXE); // as a script in the page its policy would refuse it
  return tab.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    const found = await axe.run(document, { iframes: false });
    return found.violations.map((each) => `${each.id}: ${each.nodes.map(({ html }) => html)}`);
  });
}
