// The roles of this installation.

import { call } from './console_session.js'

let learning

/** Their names; none while they cannot be learned. */
export function learnRoles() {
  learning ??= call('GET', '/admin/roles').then(({ roles }) => roles.map(({ name }) => name)).catch(() => {
    learning = undefined
    return []
  })
  return learning
}
