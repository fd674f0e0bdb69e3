import '@kull/sync-react/styles.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { api } from './api.ts';
import { Demo } from './demo.tsx';
import '../../base.css';
import './demo.css';
import { role } from './device.ts';
import { Live } from './live.tsx';
import { Toasts } from './toasts.tsx';

async function start(root: HTMLElement): Promise<void> {
  document.documentElement.dataset.role = role;
  const { demo, edges } = await api.about();
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={new QueryClient()}>
        <Toasts>{demo ? <Demo edges={edges} /> : <Live edges={edges} />}</Toasts>
      </QueryClientProvider>
    </StrictMode>,
  );
}

start(document.getElementById('root') as HTMLElement);
