import '@/shared/styles/fonts.css'
import '@/shared/styles/tokens.css'
import '@/shared/styles/icon-button.css'
import './styles/element'
import '@/shared/styles/page.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { whenSignedOut } from './api/http'
import App from './App.vue'
import { tellMissingParts } from './frame/missingPart'
import { i18n } from './i18n'
import { router } from './router'
import { useSession } from './stores/session'

const app = createApp(App).use(createPinia()).use(i18n).use(router)

whenSignedOut(() => {
  const session = useSession()
  if (!session.username) return
  session.drop()
  void router.push({ name: 'sign-in', query: { next: router.currentRoute.value.fullPath } })
})

tellMissingParts()
app.mount('#app')
