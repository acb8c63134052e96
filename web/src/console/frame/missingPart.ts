/** Parts of the console come when they are needed. One that does not come is told of: its name changed with an upgrade, or Creel is away. */
import { isSure } from '../form/sure'
import { i18n } from '../i18n'

let asking = false

export function tellMissingParts(): void {
  window.addEventListener('vite:preloadError', async () => {
    if (asking) return
    asking = true
    const { t } = i18n.global
    if (await isSure(t('frame.partTitle'), t('frame.partText'), t('frame.reload'))) location.reload()
    asking = false
  })
}
