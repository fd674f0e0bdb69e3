/** What a client does is counted beside it, by what everybody sees of it. */

import { observe, type SyncMetrics } from '@kull/sync/metrics';
import { expect, test } from 'vitest';
import { connected, open, pass, server } from './rig.ts';

test('connects, losses, close codes and times are counted', async () => {
  const { client } = open();
  const seen: SyncMetrics[] = [];
  const observed = observe(client, (metrics) => seen.push(metrics), { now: Date.now });
  client.connect();
  await pass(50);
  server.last.welcome();
  await pass(1_000);
  expect(observed.metrics()).toMatchObject({ attempts: 1, connects: 1, losses: 0 });
  expect(observed.metrics().connectedMs).toBeGreaterThanOrEqual(1_000);
  expect(observed.metrics().lastConnectMs).toBeGreaterThanOrEqual(50);

  server.last.drop(4000);
  await pass(3_000);
  server.last.welcome();
  await pass();

  expect(observed.metrics()).toMatchObject({ connects: 2, losses: 1, closes: { 4000: 1 } });
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.at(-1)).toMatchObject({ connects: 2 });
  observed.stop();
});

test('after stop nothing is counted', async () => {
  const { client } = await connected();
  const observed = observe(client);
  observed.stop();
  server.last.drop(4000);
  await pass(3_000);

  expect(observed.metrics()).toMatchObject({ losses: 0, attempts: 0 });
});
