// What users are and may do, as chips.

import { chip } from './console_parts.js'
import { text } from './words.js'

export const rolesShown = (roles) => roles.map((role) => chip(role))

/** What hinders the user. */
export function statesOf({ disabled, email_verified: isVerified }) {
  const found = []
  if (disabled) found.push(chip(text('console.users.disabled'), 'danger'))
  if (!isVerified) found.push(chip(text('console.users.unverified'), 'warning'))
  return found.length ? found : [text('console.users.active')]
}
