/** Numbers and moments as operators read them. PURE. */

const UNITS = ['B', 'KB', 'MB', 'GB'];

export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(Math.floor(Math.log2(count) / 10), UNITS.length - 1);
  const value = count / 1024 ** power;
  return `${power && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`;
}

export function whole(count: number): string {
  return count.toLocaleString('en-US');
}

/** A rate per second. */
export function rate(value: number): string {
  return value && value < 10 ? value.toFixed(1) : whole(Math.round(value));
}

/** A moment in UTC, as in the stories of `kull why`. */
export function moment(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}

export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

/** Numbers in a row as ranges: `0-3, 7`. */
export function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const each of numbers) {
    const last = runs.at(-1);
    if (last && last[1] + 1 === each) last[1] = each;
    else runs.push([each, each]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}
