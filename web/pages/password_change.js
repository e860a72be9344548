// A new password in place of the current one.

import { open } from './dialog.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { text } from './words.js'

export function passwordChange({ calls, reload }) {
  const dialog = byId('password-dialog')
  const form = bind(dialog.querySelector('form'), async ({ current, new: chosen }) => {
    await calls.changePassword({ current, new: chosen })
    dialog.close()
    byId('password-note').textContent = text('account.password.changed')
    await reload()
  })
  const begin = () => {
    byId('password-note').textContent = ''
    open(dialog, { onClose: form.reset })
  }
  byId('change-password').addEventListener('click', begin)
  return begin
}
