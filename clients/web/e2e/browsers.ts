/** Where this machine's browsers are. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FIREFOX = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];

/** The program's path; undefined: there is none. `setup.ts` says so. */
export function chromiumPath(): string | undefined {
  return process.env.KULL_TEST_CHROMIUM ?? CHROMIUM.find((path) => existsSync(path));
}

export function firefoxPath(): string | undefined {
  return process.env.KULL_TEST_FIREFOX ?? FIREFOX.find((path) => existsSync(path));
}

/** Install a Debian package; returns why that was not possible. */
export function install(name: string): string | undefined {
  if (process.getuid?.() !== 0) return 'it can be installed by root only';
  if (!existsSync('/usr/bin/apt-get')) return 'there is no apt-get to install it';
  console.log(`installing ${name}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const command of [
    ['update', '-q'],
    ['install', '-qy', '--no-install-recommends', name],
  ]) {
    const done = spawnSync('apt-get', command, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    if (done.status !== 0) return `apt-get ${command.join(' ')} failed`;
  }
  return undefined;
}
