// What users are and may do, as chips.

import { chip } from './console_parts.js'
import { text } from './words.js'

/** The roles that this console has seen. The service has no list of them. */
export const knownRoles = new Set(['reader', 'author', 'admin'])

export function rolesShown(roles) {
  for (const role of roles) knownRoles.add(role)
  return roles.map((role) => chip(role))
}

/** What hinders the user. */
export function statesOf({ disabled, email_verified: isVerified }) {
  const found = []
  if (disabled) found.push(chip(text('console.users.disabled'), 'danger'))
  if (!isVerified) found.push(chip(text('console.users.unverified'), 'warning'))
  return found.length ? found : [text('console.users.active')]
}
