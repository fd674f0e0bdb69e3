/** Finds the browsers, or installs the one that most tests need; what is missing is said last. */

import { chromiumPath, firefoxPath, install } from './browsers.ts';

export default function setup(): () => void {
  const lines: string[] = [];
  const why = chromiumPath() ? undefined : install('chromium');
  if (!chromiumPath()) {
    lines.push(
      `THE BROWSER TESTS WERE NOT RUN: there is no Chromium: ${why ?? 'installing it brought none'}. ` +
        'Install it (apt-get install chromium), or set KULL_TEST_CHROMIUM.',
    );
  }
  if (!firefoxPath()) {
    lines.push('Firefox was not tried: apt-get install firefox-esr, or set KULL_TEST_FIREFOX.');
  }
  return () => {
    for (const line of lines) console.warn(line);
  };
}
