/** Texts of the wire to values and back. PURE. */

import { BadMessage, SyncError } from './errors.ts';
import { type Device, type Position, type SyncEvent, USER_QUEUE } from './events.ts';

export type Json = Record<string, unknown>;

/** Stands for a number that may not be absent. */
export const NEEDED = Number.NaN;

/** Where a queue continues. `recovered` is false if events are gone for this device. */
export interface Standing {
  queue: string;
  head: number;
  after: number;
  recovered: boolean;
}

/** A message of the server: whatever else it has, `type` is a text and `data` an object. */
export interface Message extends Json {
  type: string;
  data: Json;
}

/** Throws BadMessage. */
export function parse(text: unknown): Message {
  if (typeof text !== 'string') throw new BadMessage('binary');
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new BadMessage('not JSON');
  }
  if (!isObject(message) || typeof message.type !== 'string') {
    throw new BadMessage('without a type');
  }
  return { ...message, type: message.type, data: part(message, 'data', {}) };
}

/** How the server begins an entry of the user's own queue, or of another one. */
const HEAD = /^\{"seq":(\d+),(?:"queue":"([^"\\]+)",)?(?!"queue")/;

/** Where an entry stands that cannot be read; nothing if it is none, or does not even say that. */
export function placeOf(text: unknown): { seq: number; queue: string } | undefined {
  try {
    const [, seq, queue] = HEAD.exec(text as string) ?? [];
    const fields = seq ? { seq: Number(seq), queue } : JSON.parse(text as string);
    return read(fields, { seq: NEEDED, queue: USER_QUEUE });
  } catch {
    return undefined;
  }
}

/** The event that a message carries. Throws BadMessage. */
export function eventOf(message: Message): SyncEvent {
  const { type, data } = message;
  const seq = message.seq == null ? undefined : read(message, { seq: NEEDED }).seq;
  const from = { deviceId: 'server', userId: '', sender: '', traceparent: '' };
  const absent = { id: '', queue: USER_QUEUE, timestamp: 0, ...from };
  return { type, data, seq, ...read(message, absent) } as SyncEvent;
}

/** The event that tells of a loss; it is made here, not by the server. */
export function recoveryLost(queue: string, head: number, userId: string): SyncEvent {
  return eventOf({ type: 'RECOVERY_LOST', data: { queue, head }, queue, userId });
}

/** From WELCOME's `queue` or JOINED's data. Throws BadMessage. */
export function standingOf(data: Json): Standing {
  const place = read(data, { queue: '', head: NEEDED, after: NEEDED });
  return { ...place, recovered: data.recovered === true };
}

/** From WELCOME's `devices` or a presence event's data. Throws BadMessage. */
export function deviceOf(data: Json): Device {
  return read(data, { deviceId: '', platform: '', deviceName: '', connectedAt: 0 });
}

export function devicesOf(data: Json): Device[] {
  return ((data.devices ?? []) as unknown[]).map((device) => deviceOf(part({ device }, 'device')));
}

/** A session's [term, counter] as one number, 0 if there is none. Throws if it is no list. */
export function generationOf(data: Json): number {
  const [term = 0, counter = 0] = (data.generation ?? []) as number[];
  return term * 2 ** 32 + counter; // exact for the first two million terms
}

export function part(data: Json, name: string, absent?: Json): Json {
  const value = data[name] ?? absent;
  if (!isObject(value)) throw new BadMessage(`${name} must be an object`);
  return value;
}

/**
 * Some fields of an object, each of the kind that counts when it is absent: a text, or a whole
 * number that is not negative. Throws BadMessage.
 */
export function read<T extends Record<string, string | number>>(data: Json, absent: T): T {
  const fields = Object.entries(absent).map(([name, other]) => {
    const value = data[name] ?? other;
    if (typeof other === 'string') {
      if (typeof value !== 'string') throw new BadMessage(`${name} must be a text`);
    } else if (!(Number.isSafeInteger(value) && (value as number) >= 0)) {
      throw new BadMessage(`${name} must be an integer`);
    }
    return [name, value];
  });
  return Object.fromEntries(fields);
}

/** The text. Throws SyncError for one that the server would refuse for ever. */
export function checkText(name: string, text: string, most: number, least = 0): string {
  const length = typeof text === 'string' ? [...text].length : -1; // as the server counts
  if (length >= least && length <= most && !/\p{Cs}/u.test(text)) return text;
  throw new SyncError(`${name} must be a text of ${least} to ${most} characters`);
}

/** What a device tells of itself. */
export interface Self {
  /** The same for all connections of one run. */
  readonly instance: string;
  readonly deviceName: string | undefined;
  readonly platform: string;
}

/** The first message of a connection. */
export function hello(token: string, { epoch, after }: Position, self: Self): string {
  const { instance, deviceName, platform } = self;
  return JSON.stringify({
    type: 'HELLO',
    token,
    ...(epoch && Object.keys(after).length > 0 && { epoch, after }),
    ...{ instance, deviceName, platform },
  });
}

/** Everything in the queue up to `seq` is processed. */
export function ack(queue: string, seq: number): string {
  return JSON.stringify({ type: 'ACK', seq, queue: queue === USER_QUEUE ? undefined : queue });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
