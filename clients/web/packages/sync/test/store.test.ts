import 'fake-indexeddb/auto';
import { indexedDbStore } from '@kull/sync';
import { describe, expect, it } from 'vitest';

const saved = (seq: number) => ({
  ...{ epoch: 'e', after: { user: seq }, userId: 'maya', snapshot: { shoots: [] } },
});

describe('the store in IndexedDB', () => {
  it('gives back what was saved last, per key, also to another page', async () => {
    const store = indexedDbStore('one');
    await Promise.all([store.save('maya', saved(1)), store.save('maya', saved(2))]);
    await store.save('otto', saved(9));

    const later = indexedDbStore('one');

    expect(await later.load('maya')).toEqual(saved(2));
    expect(await later.load('otto')).toEqual(saved(9));
    expect(await later.load('nobody')).toBeUndefined();
  });

  it('forgets what is removed', async () => {
    const store = indexedDbStore('two');
    await store.save('maya', saved(1));
    await store.remove('maya');

    expect(await store.load('maya')).toBeUndefined();
  });
});
