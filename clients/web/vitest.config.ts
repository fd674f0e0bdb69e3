import { defineConfig } from 'vitest/config';

const resolve = { conditions: ['kull-source'] };

export default defineConfig({
  resolve,
  ssr: { resolve },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['packages/sync/test/**/*.test.ts'], testTimeout: 20_000 },
      },
      {
        extends: true,
        test: {
          name: 'react',
          include: ['packages/sync-react/test/**/*.test.tsx'],
          environment: 'jsdom',
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'mesh',
          include: ['e2e/**/*.test.ts'],
          globalSetup: 'e2e/setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2, // they wait more than they work
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
