/** Nothing but the indicator, and what it has shown. */

import { SyncClient, type SyncOptions } from '@kull/sync';
import { createRoot } from 'react-dom/client';
import { SyncIndicator, SyncProvider } from '../packages/sync-react/src/index.ts';

/** Show the indicator of a new client, without waiting out a blip; note each colour and balance. */
export function show(options: SyncOptions): { colours: string[]; balances: number[] } {
  const client = new SyncClient(options);
  const balances: number[] = [];
  client.on('CREDIT_UPDATE', ({ data }) => void balances.push(data.newBalance));
  createRoot(document.body).render(
    <SyncProvider client={client}>
      <SyncIndicator delay={0} />
    </SyncProvider>,
  );
  const colours: string[] = [];
  new MutationObserver(() => {
    const colour = document.querySelector('.kull-indicator')?.getAttribute('data-colour') ?? '';
    if (colours.at(-1) !== colour) colours.push(colour);
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
  client.connect();
  return { colours, balances };
}
