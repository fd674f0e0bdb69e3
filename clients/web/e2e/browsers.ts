/** This machine's browsers: `setup.ts` has found or installed them before the first test. */

import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    chromium: string;
    firefox: string;
  }
}

/** The program's path; empty: it cannot be had, and the line at the end says why. */
export const chromiumPath: string = inject('chromium');
export const firefoxPath: string = inject('firefox');
