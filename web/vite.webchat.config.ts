/** The page that every gateway serves at `/`: three small files, no UI library. */
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { gzip } from './build/gzip.ts'

const gateway = process.env['CREEL_GATEWAY_URL'] ?? 'http://127.0.0.1:18789'

export default defineConfig({
  root: 'webchat',
  base: './', // also behind a path prefix
  plugins: [vue(), gzip()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
  build: {
    outDir: '../dist/webchat',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  server: {
    port: 5174,
    proxy: { '/api': gateway, '/v1': gateway },
  },
})
