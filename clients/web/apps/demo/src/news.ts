/** What the seed shows: events refetch what they change, and say so. */

import { useWebSocket } from '@kull/sync-react';
import { useQueryClient } from '@tanstack/react-query';
import { useToast } from './toasts.tsx';

const NEWS = { created: 'is new', updated: 'has changed', deleted: 'is gone', voted: 'got a vote' };

export function useGlobalSync(): void {
  const queryClient = useQueryClient();
  const toast = useToast();
  useWebSocket({
    onCreditUpdate: ({ change, reason }) => {
      queryClient.invalidateQueries({ queryKey: ['/api/credits/balance'] });
      toast(change > 0 ? 'Credits added' : 'Credits used', `${signed(change)}, ${reason}`);
    },
    onPromptChange: ({ promptId, action }) => {
      queryClient.invalidateQueries({ queryKey: ['/api/prompts'] });
      toast('Prompts', `${promptId.replaceAll('-', ' ')} ${NEWS[action]}`);
    },
    onDeviceConnected: ({ deviceName }) => toast('Device connected', deviceName),
    onDeviceDisconnected: ({ deviceName }) => toast('Device disconnected', deviceName),
    onRecoveryLost: () => void queryClient.invalidateQueries(),
  });
}

const signed = (change: number) => (change > 0 ? `+${change}` : `−${Math.abs(change)}`);
