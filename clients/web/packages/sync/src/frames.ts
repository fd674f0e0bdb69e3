/** Texts of the wire to values and back. PURE. */

import { BadFrame } from './errors.ts';
import { type Device, type Position, type SyncEvent, USER_QUEUE } from './events.ts';

export type Json = Record<string, unknown>;

/** Where a queue continues. `recovered` is false if events are gone for this device. */
export interface Standing {
  queue: string;
  head: number;
  after: number;
  recovered: boolean;
}

/** A frame of the server: whatever else it has, `type` is a text and `data` an object. */
export interface Frame extends Json {
  type: string;
  data: Json;
}

/** Throws BadFrame. */
export function parse(text: unknown): Frame {
  if (typeof text !== 'string') throw new BadFrame('the server sent a binary frame');
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    throw new BadFrame('the server sent something that is not JSON');
  }
  if (!isObject(frame) || typeof frame.type !== 'string') {
    throw new BadFrame('the server sent a frame without a type');
  }
  return { ...frame, type: frame.type, data: part(frame, 'data', {}) };
}

/** The event that a frame carries. Throws BadFrame. */
export function eventOf(frame: Frame): SyncEvent {
  return {
    type: frame.type,
    data: frame.data,
    id: textOf(frame, 'id'),
    seq: frame.seq === undefined ? undefined : number(frame, 'seq'),
    queue: textOf(frame, 'queue', USER_QUEUE),
    timestamp: number(frame, 'timestamp', 0),
    deviceId: textOf(frame, 'deviceId', 'server'),
    userId: textOf(frame, 'userId'),
  } as SyncEvent;
}

/** From WELCOME's `queue` or JOINED's data. Throws BadFrame. */
export function standingOf(data: Json): Standing {
  return {
    queue: textOf(data, 'queue'),
    head: number(data, 'head'),
    after: number(data, 'after'),
    recovered: data.recovered === true,
  };
}

/** From WELCOME's `devices` or a presence event's data. Throws BadFrame. */
export function deviceOf(data: Json): Device {
  const { platform = '', deviceName = '', connectedAt = 0 } = data as Partial<Device>;
  return { deviceId: textOf(data, 'deviceId'), platform, deviceName, connectedAt };
}

export function devicesOf(data: Json): Device[] {
  if (!Array.isArray(data.devices)) return [];
  return data.devices.map((device) => deviceOf(part({ device }, 'device')));
}

/** A session's [term, counter]; [0, 0] if there is none. Throws BadFrame. */
export function generationOf(data: Json): [number, number] {
  const [term, counter] = Array.isArray(data.generation) ? data.generation : [0, 0];
  return [number({ term }, 'term'), number({ counter }, 'counter')];
}

export function part(data: Json, name: string, absent?: Json): Json {
  const value = data[name] ?? absent;
  if (!isObject(value)) throw new BadFrame(`${name} must be an object`);
  return value;
}

export function number(data: Json, name: string, absent?: number): number {
  const value = data[name] ?? absent;
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new BadFrame(`${name} must be a whole number`);
  }
  return value as number;
}

export function textOf(data: Json, name: string, absent = ''): string {
  const value = data[name] ?? absent;
  if (typeof value !== 'string') throw new BadFrame(`${name} must be a text`);
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
