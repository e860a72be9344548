// A field and what is wrong with it.

import { settings } from './page.js'
import { has, text } from './words.js'

const LONGEST_PASSWORD = 256

const errorOf = (input) => document.getElementById(`${input.id}-error`)

export function complain(input, sentence) {
  input.setAttribute('aria-invalid', 'true')
  errorOf(input).textContent = sentence
}

export function absolve(input) {
  if (!input.hasAttribute('aria-invalid')) return
  input.removeAttribute('aria-invalid')
  errorOf(input).textContent = ''
}

/** What the person can be told without asking the server, or nothing. */
export function flaw(input) {
  const { name, type } = input
  if (input.validity.valueMissing) return text(`common.missing.${has(`common.missing.${name}`) ? name : type}`)
  if (input.validity.typeMismatch) return text('errors.invalid_email')
  if (input.autocomplete !== 'new-password') return
  // Counted as the server counts: by characters, not by UTF-16 units.
  const { length } = [...input.value]
  if (length < settings.passwordMin) return text('common.tooShort', { count: settings.passwordMin })
  if (length > LONGEST_PASSWORD) return text('common.tooLong', { count: LONGEST_PASSWORD })
}
