/** Light or dark: the remembered choice, else what the system asks for, followed while it changes. */
import { ref, watchEffect } from 'vue'

const KEY = 'creel.theme'
const system = matchMedia('(prefers-color-scheme: dark)')

const remembered = localStorage.getItem(KEY)
export const dark = ref(remembered ? remembered === 'dark' : system.matches)

system.addEventListener('change', (event) => {
  if (!localStorage.getItem(KEY)) dark.value = event.matches
})

export function toggleTheme(): void {
  dark.value = !dark.value
  localStorage.setItem(KEY, dark.value ? 'dark' : 'light')
}

watchEffect(() => document.documentElement.classList.toggle('dark', dark.value))
