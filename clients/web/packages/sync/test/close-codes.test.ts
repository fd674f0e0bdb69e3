import { readFileSync } from 'node:fs';
import { CLOSE_CODES, mayReconnect } from '@kull/sync';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

function table(text: string, pattern: RegExp): Record<string, string> {
  return Object.fromEntries([...text.matchAll(pattern)].map(([, code, name]) => [code, name]));
}

describe('close codes', () => {
  const documented = table(read('docs/protocol.md'), /^\| (4\d{3}) \| `(\w+)` \|/gm);

  it('have the names of docs/protocol.md', () => {
    expect(Object.keys(documented).length).toBeGreaterThan(10);
    expect(CLOSE_CODES).toEqual(documented);
  });

  it.each([4000, 4004, 4499, 1001, 1005, 1006, 1011, 1012, 1013, 1015, 3000])(
    'like %i are retried',
    (code) => expect(mayReconnect(code)).toBe(true),
  );

  it.each([4500, 4501, 4506, 4999, 1000, 1002, 1003, 1007, 1008, 1009, 1010])(
    'like %i are not retried',
    (code) => expect(mayReconnect(code)).toBe(false),
  );

  it('have the same standard exceptions in Python', () => {
    const [, stop] = read('clients/python/kull_client/close_codes.py').match(
      /^STANDARD_STOP[^{]*\{([\d, ]+)\}/m,
    ) as RegExpMatchArray;
    const stopping = (stop as string).split(',').map(Number);

    for (let code = 1000; code < 1016; code++) {
      expect(mayReconnect(code), String(code)).toBe(!stopping.includes(code));
    }
  });
});
