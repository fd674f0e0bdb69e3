/** Prints what the SDK adds to a page, minified and gzipped; fails above its budget. */

import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const REACT = ['react', 'react/jsx-runtime', '@kull/sync', '@kull/sync/rooms'];
const BUDGETS = [
  ['@kull/sync, the client', "export { SyncClient, Unauthorized } from '@kull/sync'", [], 8],
  ['@kull/sync, all of it', "export * from '@kull/sync'", [], 8.25],
  [
    '@kull/sync and its rooms',
    "export { SyncClient, Unauthorized } from '@kull/sync'; export * from '@kull/sync/rooms'",
    [],
    12,
  ],
  ['@kull/sync/metrics', "export * from '@kull/sync/metrics'", [], 1],
  ['@kull/sync, only mayReconnect', "export { mayReconnect } from '@kull/sync'", [], 0.5],
  ['@kull/sync-react, all of it', "export * from '@kull/sync-react'", REACT, 6],
  ['@kull/sync-react/rooms', "export * from '@kull/sync-react/rooms'", REACT, 3],
];
const ENTRY = 'virtual:entry';

async function bundled(code, external) {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['kull-source', 'browser', 'module', 'import'] },
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === ENTRY ? id : undefined),
        load: (id) => (id === ENTRY ? code : undefined),
      },
    ],
    build: {
      write: false,
      target: 'es2022',
      minify: true,
      rolldownOptions: { input: ENTRY, external, preserveEntrySignatures: 'strict' },
      cssMinify: true,
    },
  });
  return result.output.map((file) => (file.type === 'chunk' ? file.code : file.source)).join('');
}

let failed = false;
for (const [name, code, external, budget] of BUDGETS) {
  const text = await bundled(code, external);
  const kilobytes = gzipSync(text, { level: 9 }).length / 1024;
  const tooLarge = kilobytes > budget;
  failed ||= tooLarge;
  console.log(
    `${name.padEnd(32)} ${(text.length / 1024).toFixed(2).padStart(7)} KB minified ` +
      `${kilobytes.toFixed(2).padStart(6)} KB gzipped, at most ${budget}${tooLarge ? '  TOO LARGE' : ''}`,
  );
}
process.exit(failed ? 1 : 0);
