import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ['kull-source', 'browser', 'module', 'import'] },
  // Into the Python package that serves it, and so into its wheel.
  build: { target: 'es2022', outDir: '../../../../mesh/kull_mesh/play/pages', emptyOutDir: true },
  // For `npm run dev` beside a running `kull play --no-browser`.
  server: { proxy: { '/api': 'http://127.0.0.1:5050' } },
});
