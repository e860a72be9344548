// The dialogs that create a user, or invite somebody. Loaded when one of them is opened.

import { say } from './console_parts.js'
import { address, go } from './console_routes.js'
import { call } from './console_session.js'
import { open } from './dialog.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { offerRoles, rolesOf } from './roles_field.js'
import { text } from './words.js'

/** Without a choice, the service gives the role of those who register. */
function chosen(form) {
  const roles = rolesOf(form)
  return roles.length ? { roles } : {}
}

/** `send` answers where to go then. */
function prepared(id, told, send) {
  const dialog = byId(id)
  const form = dialog.querySelector('form')
  const { reset } = bind(form, async (values) => {
    const view = await send(form, values)
    dialog.close()
    go(address(view))
    say(text(told, { address: values.email }))
  })
  return () => {
    offerRoles(form)
    open(dialog, { onClose: reset })
  }
}

export const create = prepared('create-dialog', 'console.users.createdNow', async (form, { email, name, password }) => {
  const { id } = await call('POST', '/admin/users', { email, password, ...(name && { name }), ...chosen(form) })
  return { view: 'user', id }
})

export const invite = prepared('invite-dialog', 'console.invitations.sent', async (form, { email }) => {
  await call('POST', '/admin/invitations', { email, ...chosen(form) })
  return { view: 'invitations' }
})
