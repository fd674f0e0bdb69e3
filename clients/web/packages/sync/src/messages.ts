/** Texts of the wire to values and back. PURE. */

import { BadMessage } from './errors.ts';
import { type Device, type Position, type SyncEvent, USER_QUEUE } from './events.ts';

export type Json = Record<string, unknown>;

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

/** The event that a message carries. Throws BadMessage. */
export function eventOf(message: Message): SyncEvent {
  return {
    type: message.type,
    data: message.data,
    id: textOf(message, 'id'),
    seq: message.seq == null ? undefined : number(message, 'seq'),
    queue: textOf(message, 'queue', USER_QUEUE),
    timestamp: number(message, 'timestamp', 0),
    deviceId: textOf(message, 'deviceId', 'server'),
    userId: textOf(message, 'userId'),
  } as SyncEvent;
}

/** From WELCOME's `queue` or JOINED's data. Throws BadMessage. */
export function standingOf(data: Json): Standing {
  return {
    queue: textOf(data, 'queue'),
    head: number(data, 'head'),
    after: number(data, 'after'),
    recovered: data.recovered === true,
  };
}

/** From WELCOME's `devices` or a presence event's data. Throws BadMessage. */
export function deviceOf(data: Json): Device {
  const { platform = '', deviceName = '', connectedAt = 0 } = data as Partial<Device>;
  return { deviceId: textOf(data, 'deviceId'), platform, deviceName, connectedAt };
}

export function devicesOf(data: Json): Device[] {
  if (!Array.isArray(data.devices)) return [];
  return data.devices.map((device) => deviceOf(part({ device }, 'device')));
}

/** A session's [term, counter]; [0, 0] if there is none. Throws if it is no list. */
export function generationOf(data: Json): [number, number] {
  const [term = 0, counter = 0] = (data.generation ?? []) as number[];
  return [term, counter];
}

export function part(data: Json, name: string, absent?: Json): Json {
  const value = data[name] ?? absent;
  if (!isObject(value)) throw new BadMessage(`${name} must be an object`);
  return value;
}

export function number(data: Json, name: string, absent?: number): number {
  const value = data[name] ?? absent;
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new BadMessage(`${name} must be a whole number`);
  }
  return value as number;
}

export function textOf(data: Json, name: string, absent = ''): string {
  const value = data[name] ?? absent;
  if (typeof value !== 'string') throw new BadMessage(`${name} must be a text`);
  return value;
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
  return JSON.stringify({
    type: 'HELLO',
    token,
    ...(epoch && Object.keys(after).length > 0 && { epoch, after }),
    ...self,
  });
}

/** Everything in the queue up to `seq` is processed. */
export function ack(queue: string, seq: number): string {
  return JSON.stringify({ type: 'ACK', seq, queue: queue === USER_QUEUE ? undefined : queue });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
