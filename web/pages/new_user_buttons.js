// What leads to the dialogs that create users.

import { onDemand } from './console_parts.js'
import { settings } from './page.js'

/** Offers what creates users, to those who may, where it is possible. */
export function offerNewUsers(view) {
  for (const button of view.querySelectorAll('[data-new]')) {
    const { new: kind } = button.dataset
    if (kind === 'invite' && settings.registration === 'closed') button.remove()
    button.addEventListener('click', () => onDemand(() => import('./new_users.js'), (dialogs) => dialogs[kind]()))
  }
}
