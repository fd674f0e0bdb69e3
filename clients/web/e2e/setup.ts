/** Has what these tests need found or installed, as the Python tests have; says it at the end. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const THINGS = ['rabbitmq', 'chromium', 'firefox'];

/** What `tests/support/machine` tells of one thing; its place is empty when it is not there. */
interface Outcome {
  place: string;
  line: string;
}

export default function setup(project: TestProject): () => void {
  const found = provide();
  project.provide('chromium', found.chromium?.place ?? '');
  project.provide('firefox', found.firefox?.place ?? '');
  const lines = Object.values(found).map(({ line }) => line);
  return () => console.log(['', 'What the tests needed of this machine:', ...lines].join('\n'));
}

function provide(): Record<string, Outcome> {
  const python = join(ROOT, '.venv/bin/python');
  const done = spawnSync(python, ['-m', 'tests.support.machine', '--json', ...THINGS], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (!done.stdout) throw new Error('these tests need the Python environment: make setup');
  return JSON.parse(done.stdout);
}
