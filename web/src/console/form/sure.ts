/** Asks before something that is not easily undone. */
import { ElMessageBox } from 'element-plus'
import { i18n } from '../i18n'

/** Whether the person wants it; `button` says what it does. */
export async function isSure(title: string, text: string, button: string): Promise<boolean> {
  const choice = await ElMessageBox.confirm(text, title, {
    confirmButtonText: button,
    cancelButtonText: i18n.global.t('common.cancel'),
  }).catch(() => undefined)
  return choice !== undefined
}
