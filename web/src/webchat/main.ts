import { createApp } from 'vue'
import '@/shared/styles/tokens.css'
import '@/shared/styles/icon-button.css'
import WebChat from './WebChat.vue'

createApp(WebChat).mount('#app')
