/** Who is in a room, as PRESENCE tells it. PURE. */

import { generationOf, type Json, NEEDED, part, read } from '../messages.ts';

/** A device with which a member is there. */
export interface MemberDevice {
  readonly deviceId: string;
  readonly platform: string;
  readonly deviceName: string;
}

/** What a member says of itself in a room; JSON, at most 1 KB. */
export type State = Readonly<Record<string, unknown>>;

/** A user in a room, however many devices it is there with. */
export interface Member {
  readonly userId: string;
  /** Since when, in ms since the Unix epoch. */
  readonly since: number;
  readonly devices: readonly MemberDevice[];
  readonly state?: State;
}

/** What another tab goes on from. Can be cloned. */
export interface RosterLevel {
  readonly generation: number;
  readonly count: number;
  readonly members: readonly Member[];
  readonly partial: boolean;
}

const MAX_EARLY = 100; // messages: ten seconds of a busy room

/** Takes messages in any order: what is not newer than what it knows is ignored. */
export class Roster {
  /** How many members there are; 0 until something was told. */
  count = 0;
  /** The room is large: of its members only those with the same state as this user's are told. */
  partial = false;
  /** Who came first first; the same list until something changes. */
  members: readonly Member[] = [];
  #generation = -1;
  #isWhole = false; // there was a snapshot on this connection
  #early: Json[] = [];

  get level(): RosterLevel | undefined {
    const { count, members, partial } = this;
    return this.#isWhole ? { generation: this.#generation, count, members, partial } : undefined;
  }

  /** Go on from what another tab knows. */
  restore({ generation, count, members, partial }: RosterLevel): void {
    this.#replace(generation, count, partial, members);
  }

  /** The connection is lost. What is shown stays, until a snapshot replaces it. */
  lost(): void {
    this.#isWhole = false;
    this.#early = [];
  }

  /** The room is not followed any more. */
  clear(): void {
    this.#generation = -1;
    this.#set(0, false, []);
    this.lost();
  }

  /** Take the data of a PRESENCE; returns whether something is different. Throws BadMessage. */
  take(data: Json): boolean {
    const generation = generationOf(data);
    const { count } = read(data, { count: NEEDED });
    const all = data.members ?? data.neighbours;
    if (all || (data.partial && !this.#isWhole)) {
      // Of the same age is what a large room's newcomer is told beside the count.
      if (this.#isWhole && generation < this.#generation) return false;
      this.#replace(generation, count, !!data.partial, all ? membersOf(all) : []);
      return true;
    }
    if (!this.#isWhole) {
      if (this.#early.push(data) > MAX_EARLY) this.#early.shift();
      return false;
    }
    if (generation <= this.#generation) return false;
    this.#generation = generation;
    this.#set(count, !!data.partial, data.partial ? this.members : this.#changed(data));
    return true;
  }

  #replace(generation: number, count: number, partial: boolean, members: readonly Member[]): void {
    this.#generation = generation;
    this.#isWhole = true;
    this.#set(count, partial, members);
    // Of two tabs that tell a third one, the one with the older news may have been slower.
    for (const data of this.#early.splice(0)) this.take(data);
  }

  #set(count: number, partial: boolean, members: readonly Member[]): void {
    this.count = count;
    this.partial = partial;
    this.members = members;
  }

  #changed(data: Json): readonly Member[] {
    const known = new Map(this.members.map((each) => [each.userId, each]));
    for (const each of membersOf(data.joined)) known.set(each.userId, each);
    for (const each of membersOf(data.updated)) known.set(each.userId, each);
    for (const userId of (data.left ?? []) as string[]) known.delete(userId);
    return [...known.values()].sort(bySince);
  }
}

function bySince(a: Member, b: Member): number {
  return a.since - b.since || (a.userId < b.userId ? -1 : 1);
}

function membersOf(list: unknown): Member[] {
  return ((list ?? []) as unknown[]).map((member) => memberOf(part({ member }, 'member')));
}

function memberOf(data: Json): Member {
  const devices = ((data.devices ?? []) as unknown[]).map((device) =>
    read(part({ device }, 'device'), { deviceId: '', platform: '', deviceName: '' }),
  );
  const state = data.state == null ? {} : { state: part(data, 'state') };
  return { ...read(data, { userId: '', since: 0 }), devices, ...state };
}
