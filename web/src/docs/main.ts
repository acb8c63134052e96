import { createApp } from 'vue'
import '@/shared/styles/fonts.css'
import '@/shared/styles/tokens.css'
import '@/shared/styles/icon-button.css'
import ApiBrowser from './ApiBrowser.vue'

createApp(ApiBrowser).mount('#app')
