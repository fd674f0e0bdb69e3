import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ['kull-source', 'browser', 'module', 'import'] },
  build: { target: 'es2022', sourcemap: false },
  // `npm run dev` beside a running `kull play --no-browser`
  server: { proxy: { '/api': 'http://127.0.0.1:5050' } },
});
