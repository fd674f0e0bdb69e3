import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  base: '/console/',
  plugins: [react()],
  resolve: { conditions: ['kull-source', 'browser', 'module', 'import'] },
  // Into the Python package that serves it, and so into its wheel.
  build: { target: 'es2022', outDir: '../../../../console/kull_console/pages', emptyOutDir: true },
  // For `npm run dev` beside a running `kull console`.
  server: { proxy: { '/console/api': 'http://127.0.0.1:5080' } },
});
