// The dialog that asks before something that cannot be taken back.

import { open } from './dialog.js'
import { bind } from './form.js'
import { byId } from './page.js'

const dialog = byId('confirmation')
const password = byId('confirmation-password')
let act

const form = bind(dialog.querySelector('form'), async (values) => {
  await act(values)
  dialog.close()
})

/** Does `what` once the person says so, with the password if `asksForPassword`. What fails is shown in the dialog. */
export function confirmed({ title, effect, action, asksForPassword = false, instead }, what) {
  act = what
  byId('confirmation-title').textContent = title
  byId('confirmation-effect').textContent = effect
  byId('confirmation-action').textContent = action
  if (password) password.hidden = !asksForPassword
  open(dialog, { instead, onClose: form.reset })
}
