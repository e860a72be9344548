// What a call that failed means to the person in front of the page.

import { NotNow, Refused, SessionEnded } from './client.js'
import { has, text } from './words.js'

/** The fields that an error may belong to, by code; the first that a form has is meant. */
const FIELDS = {
  invalid_email: ['email', 'new'],
  same_email: ['new'],
  email_taken: ['email'],
  invalid_name: ['name'],
  code_wrong: ['code'],
  code_spent: ['code'],
  code_expired: ['code'],
  weak_password: ['new', 'password'],
  password_breached: ['new', 'password'],
  password_required: ['password'],
  invalid_credentials: ['password'],
  wrong_password: ['current', 'password'],
  invalid_second_factor: ['totp', 'recovery_code'],
}

/** The person was asked for something, and would rather not: everything stays as it was, and nobody has to be told. */
export class Cancelled extends Error {}

/** When to try again if nobody says when. */
const SOON = 5

/** An outage is never anything else: not a wrong password, not a logout, not a refusal. */
export function failure(error) {
  if (error instanceof Cancelled) return { kind: 'cancelled', seconds: 0, text: '', fields: [] }
  if (error instanceof NotNow) {
    const isThrottled = error.status === 429
    const code = isThrottled ? error.code ?? 'too_many_attempts' : 'unavailable'
    const seconds = error.retryAfter ?? SOON
    return { kind: isThrottled ? 'throttled' : 'outage', seconds, text: text(`errors.${code}`), fields: [] }
  }
  if (error instanceof SessionEnded) return { kind: 'refused', text: text('errors.session_ended'), fields: [] }
  if (error instanceof Refused) {
    const { code } = error.problem
    const sentence = has(`errors.${code}`) ? text(`errors.${code}`) : text('errors.unknown', { code })
    return { kind: 'refused', code, text: sentence, fields: FIELDS[code] ?? [] }
  }
  // A mistake of ours: seen in the console, and not taken for anything that the person has done.
  reportError(error)
  return { kind: 'refused', text: text('errors.internal'), fields: [] }
}
