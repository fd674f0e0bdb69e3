import { BadMessage } from '@kull/sync';
import { describe, expect, it } from 'vitest';
import { Roster } from '../../src/rooms/roster.ts';
import { Wishes } from '../../src/rooms/wishes.ts';

const member = (userId: string, since = 1) => ({ userId, since, devices: [] });
const at = (n: number, fields: object, term = 1) => ({ generation: [term, n], ...fields });
const ids = (roster: Roster) => roster.members.map(({ userId }) => userId);

function roster(...messages: object[]): Roster {
  const made = new Roster();
  for (const each of messages) made.take(each as never);
  return made;
}

const TWO = at(5, { count: 2, members: [member('maya'), member('otto')] });

describe('a roster', () => {
  it.each([
    ['a diff that it knows', at(5, { count: 1, left: ['otto'] })],
    ['an older diff', at(4, { count: 1, left: ['otto'] })],
    ['an older snapshot', at(4, { count: 1, members: [member('maya')] })],
    ['a snapshot of an earlier term', at(9, { count: 0, members: [] }, 0)],
  ])('ignores %s', (_, message) => {
    expect(ids(roster(TWO, message))).toEqual(['maya', 'otto']);
  });

  it('is replaced by a snapshot of a later term, however low its number', () => {
    expect(ids(roster(TWO, at(1, { count: 1, members: [member('zoe')] }, 2)))).toEqual(['zoe']);
  });

  it('keeps what comes before the first snapshot, for what the snapshot does not know', () => {
    const early = [
      at(6, { count: 3, joined: [member('zoe', 9)] }),
      at(5, { count: 1, left: ['otto'] }),
    ];

    expect(ids(roster(...early))).toEqual([]);
    expect(ids(roster(...early, TWO))).toEqual(['maya', 'otto', 'zoe']);
  });

  it('takes whatever snapshot comes first on a new connection', () => {
    const made = roster(TWO);
    made.lost();
    expect(ids(made)).toEqual(['maya', 'otto']);
    made.take(at(1, { count: 1, members: [member('maya')] }));

    expect(ids(made)).toEqual(['maya']);
  });

  it('of a large room has a count, and those who are near', () => {
    const made = roster(at(5, { count: 300, partial: true }));
    expect([made.count, made.partial, ids(made)]).toEqual([300, true, []]);
    made.take(at(5, { count: 300, partial: true, neighbours: [member('otto')] }));
    made.take(at(6, { count: 301, partial: true }));

    expect([made.count, made.partial, ids(made)]).toEqual([301, true, ['otto']]);
    made.take(at(7, { count: 1, members: [member('maya')] }));
    expect([made.count, made.partial, ids(made)]).toEqual([1, false, ['maya']]);
  });

  it('goes on in another tab', () => {
    const made = new Roster();
    made.take(at(6, { count: 1, left: ['otto'] }));
    made.restore(roster(TWO).level as never);

    expect(ids(made)).toEqual(['maya']);
    expect(new Roster().level).toBeUndefined();
  });

  it.each([
    [at(1, { members: [] }), 'count must be an integer'],
    [at(1, { count: 1, members: ['otto'] }), 'member must be an object'],
    [at(1, { count: 1, members: [{ userId: 7 }] }), 'userId must be a text'],
  ])('that cannot be read is told: %j', (message, why) => {
    expect(() => roster(message)).toThrow(BadMessage);
    expect(() => roster(message)).toThrow(why);
  });
});

describe('wishes', () => {
  it('of tabs are one: the longest past, every user once', () => {
    const wishes = new Wishes();
    wishes.set('a', { rooms: { 'room:w': 0, 'room:x': 5 }, users: ['zoe'] });
    wishes.set('b', { rooms: { 'room:w': 20 }, users: ['otto', 'zoe'] });

    expect(Object.fromEntries(wishes.rooms)).toEqual({ 'room:w': 20, 'room:x': 5 });
    expect(wishes.users).toEqual(['otto', 'zoe']);
    wishes.drop('room:w');
    wishes.delete('a');
    expect([...wishes.rooms.keys()]).toEqual([]);
  });
});
