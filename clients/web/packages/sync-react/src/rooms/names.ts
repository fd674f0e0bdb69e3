/** How users are called. PURE. */

export type NameOf = (userId: string) => string;

export const plainName: NameOf = (userId) => userId;

/** `Otto`, `Otto and Zoe`, `Otto, Zoe and Ada`, `Otto, Zoe and 3 others`. */
export function listOf(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  const all = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} others`] : names;
  return `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}
