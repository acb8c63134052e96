/** Asks whether to load the page anew where a part of it did not come. */
import { whenPartIsMissing } from '@/shared/missingPart'
import { isSure } from '../form/sure'
import { i18n } from '../i18n'

let asking = false

export function tellMissingParts(): void {
  whenPartIsMissing(async () => {
    if (asking) return
    asking = true
    const { t } = i18n.global
    if (await isSure(t('frame.partTitle'), t('frame.partText'), t('frame.reload'))) location.reload()
    asking = false
  })
}
