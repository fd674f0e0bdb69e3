import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { claims, Tokens } from '../src/tokens.ts';
import { jwt } from './jwt.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000_000_000 }));
afterEach(() => void vi.useRealTimers());

const inSeconds = (seconds: number) => Date.now() / 1000 + seconds;

describe('a token function', () => {
  it('is called once for all who wait', async () => {
    const source = vi.fn(async () => 'token');
    const tokens = new Tokens(source, 10_000);

    expect(await Promise.all([tokens.get(), tokens.get(), tokens.renew()])).toEqual(
      Array(3).fill('token'),
    );
    expect(source).toHaveBeenCalledTimes(1);
  });

  it('is not called while the last token is good for more than 30 s', async () => {
    // By the clock of whoever issued it, an hour behind this one.
    const source = vi.fn(() => jwt({ iat: inSeconds(-3_600), exp: inSeconds(-3_500) }));
    const tokens = new Tokens(source, 10_000);
    await tokens.get();

    vi.advanceTimersByTime(69_000);
    await tokens.get();
    expect(source).toHaveBeenCalledTimes(1);

    vi.advanceTimersByTime(2_000);
    await tokens.get();
    expect(source).toHaveBeenCalledTimes(2);
  });

  it('is called again when the server has told that the token ends', async () => {
    const source = vi.fn(() => 'opaque');
    const tokens = new Tokens(source, 10_000);
    await tokens.get();
    tokens.lives(100_000);
    vi.advanceTimersByTime(69_000);
    await tokens.get();
    expect(source).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(2_000);
    await tokens.get();

    expect(source).toHaveBeenCalledTimes(2);
  });

  it('is called again when it did not answer in time', async () => {
    const source = vi.fn<() => Promise<string> | string>(() => 'token');
    source.mockImplementationOnce(() => new Promise(() => {}));
    const tokens = new Tokens(source, 10_000);
    const late = expect(tokens.get()).rejects.toThrow('a token takes too long');
    await vi.advanceTimersByTimeAsync(10_000);
    await late;

    expect(await tokens.get()).toBe('token');
  });

  it('is called again after the server refused the token, or the function failed', async () => {
    const source = vi.fn(() => 'token');
    source.mockImplementationOnce(() => {
      throw new Error('down');
    });
    const tokens = new Tokens(source, 10_000);

    await expect(tokens.get()).rejects.toThrow('down');
    await tokens.get();
    tokens.drop();
    await tokens.get();

    expect(source).toHaveBeenCalledTimes(3);
  });
});

describe('claims', () => {
  it('are read from a JWT, whatever characters they hold', () => {
    expect(claims(jwt({ sub: 'maja-ü-写真', exp: 7 }))).toEqual({ sub: 'maja-ü-写真', exp: 7 });
  });

  it.each(['user_123', 'user_123:mac', 'a.b.c', 'a.!!.c', ''])('are none in %j', (token) => {
    expect(claims(token)).toEqual({});
  });
});
