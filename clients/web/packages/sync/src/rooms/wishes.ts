/** What the tabs of a browser want together. PURE. */

/** What one tab wants. Can be cloned. */
export interface Wish {
  /** Queues of the rooms that it is in, each with how much of the past it wants at first. */
  readonly rooms: Readonly<Record<string, number>>;
  /** Whose status it watches. */
  readonly users: readonly string[];
}

/** Each tab by an id of its own. */
export class Wishes {
  readonly #tabs = new Map<string, Wish>();

  has(tab: string): boolean {
    return this.#tabs.has(tab);
  }

  get tabs(): string[] {
    return [...this.#tabs.keys()];
  }

  set(tab: string, wish: Wish): void {
    this.#tabs.set(tab, wish);
  }

  delete(tab: string): void {
    this.#tabs.delete(tab);
  }

  /** No tab is in a room any more. */
  drop(queue: string): void {
    for (const [tab, { rooms, users }] of this.#tabs) {
      const { [queue]: _, ...left } = rooms;
      this.#tabs.set(tab, { rooms: left, users });
    }
  }

  /** The rooms that some tab is in, by their queues: the longest past that one of them wants. */
  get rooms(): Map<string, number> {
    const rooms = new Map<string, number>();
    for (const wish of this.#tabs.values()) {
      for (const [queue, history] of Object.entries(wish.rooms)) {
        rooms.set(queue, Math.max(history, rooms.get(queue) ?? 0));
      }
    }
    return rooms;
  }

  /** The users that some tab watches, in order of their ids. */
  get users(): string[] {
    const users = [...this.#tabs.values()].flatMap((wish) => wish.users);
    return [...new Set(users)].sort();
  }
}
