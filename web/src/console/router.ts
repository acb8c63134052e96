/** Every page of the console. */
import { createRouter, createWebHistory } from 'vue-router'
import { LLM_SECTIONS, SETTINGS_SECTIONS, TABS, USER_TABS } from './sections'
import { useSession } from './stores/session'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    {
      path: '/sign-in',
      name: 'sign-in',
      component: () => import('./pages/SignInPage.vue'),
      meta: { open: true },
    },
    {
      path: '/',
      component: () => import('./frame/AppFrame.vue'),
      children: [
        { path: '', name: 'dashboard', component: () => import('./pages/DashboardPage.vue') },
        { path: 'instances', name: 'instances', component: () => import('./pages/InstancesPage.vue') },
        {
          path: `instances/:id/:tab(${TABS.join('|')})?`,
          name: 'instance',
          component: () => import('./pages/InstancePage.vue'),
          props: ({ params }) => ({ id: params['id'], tab: params['tab'] || 'overview' }),
        },
        { path: 'users', name: 'users', component: () => import('./pages/UsersPage.vue') },
        {
          path: `users/:id/:tab(${USER_TABS.join('|')})?`,
          name: 'user',
          component: () => import('./pages/UserPage.vue'),
          props: ({ params }) => ({ id: params['id'], tab: params['tab'] || 'overview' }),
        },
        {
          path: `llm/:section(${LLM_SECTIONS.join('|')})?`,
          name: 'llm',
          component: () => import('./pages/LlmPage.vue'),
          props: ({ params }) => ({ section: params['section'] || 'providers' }),
        },
        { path: 'usage', name: 'usage', component: () => import('./pages/UsagePage.vue') },
        { path: 'credits', name: 'credits', component: () => import('./pages/CreditsPage.vue') },
        {
          path: 'credits/:user',
          name: 'account',
          component: () => import('./pages/AccountPage.vue'),
          props: true,
        },
        {
          path: `settings/:section(${SETTINGS_SECTIONS.join('|')})?`,
          name: 'settings',
          component: () => import('./pages/SettingsPage.vue'),
          props: ({ params }) => ({ section: params['section'] || 'system' }),
        },
        { path: ':rest(.*)*', name: 'missing', component: () => import('./pages/MissingPage.vue') },
      ],
    },
  ],
})

router.beforeEach(async (to) => {
  if (to.meta['open']) return true
  const session = useSession()
  await session.ready()
  return session.username ? true : { name: 'sign-in', query: { next: to.fullPath } }
})
