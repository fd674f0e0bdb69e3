/** Milliseconds since some moment. Ages are measured with it: nobody can set it, as they can `Date`. */
export const now = (): number => (globalThis.performance ?? Date).now();
