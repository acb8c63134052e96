import '@/shared/styles/fonts.css'
import '@/shared/styles/tokens.css'
import '@/shared/styles/icon-button.css'
import '@/shared/styles/page.css'
import './me.css'
import { createApp } from 'vue'
import MePage from './MePage.vue'

createApp(MePage).mount('#app')
