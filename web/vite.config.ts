/** The console, the page of users themselves and the API browser: everything the Cloud Backend serves on port 8000. */
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import { gzip } from './build/gzip.ts'

const backend = process.env['CREEL_URL'] ?? 'http://127.0.0.1:8000'

export default defineConfig({
  plugins: [vue(), gzip()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: 'true', // Element Plus needs it
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    outDir: 'dist/console',
    emptyOutDir: true,
    target: 'es2022',
    // Fonts and icons stay files: the page's policy allows no `data:` fonts.
    assetsInlineLimit: 0,
    // The plots are the largest piece; they load after the page that shows them.
    chunkSizeWarningLimit: 600,
    rolldownOptions: { input: ['index.html', 'docs.html', 'me.html'] },
  },
  server: {
    proxy: { '/api': { target: backend, changeOrigin: true, ws: true, rewriteWsOrigin: true } },
  },
})
