// Texts of the catalogue, with values in their places.

import { language, texts } from './page.js'

const plurals = new Intl.PluralRules(language)
const numbers = new Intl.NumberFormat(language)

const at = (path) => path.split('.').reduce((part, name) => (part && Object.hasOwn(part, name) ? part[name] : undefined), texts)

export const has = (path) => at(path) !== undefined

/** The text and the values between its pieces. Where it depends on a number, `values.count` decides. */
function pieces(path, values) {
  const entry = at(path)
  const template = typeof entry === 'object' ? entry[plurals.select(values.count)] ?? entry.other : entry
  // Every second piece is a placeholder's name.
  return template.split(/\{(\w+)\}/).map((piece, place) => {
    const value = place % 2 ? values[piece] : piece
    return typeof value === 'number' ? numbers.format(value) : value
  })
}

export const text = (path, values = {}) => pieces(path, values).join('')

/** The same for elements: what users or their programs have written stands apart, whatever its direction. */
export function sentence(path, values = {}) {
  const fragment = document.createDocumentFragment()
  fragment.append(...pieces(path, values).map((piece, place) => (place % 2 && typeof piece === 'string' ? apart(piece) : piece)))
  return fragment
}

export function apart(written) {
  const element = document.createElement('bdi')
  element.textContent = written
  return element
}

/** How long something lasts or is awaited, in the unit that people would use. */
export function duration(seconds) {
  if (seconds <= 90) return text('common.lasting.seconds', { count: Math.ceil(seconds) })
  if (seconds < 3600) return text('common.lasting.minutes', { count: Math.ceil(seconds / 60) })
  const hours = Math.ceil(seconds / 3600)
  return hours <= 48 ? text('common.lasting.hours', { count: hours }) : text('common.lasting.days', { count: Math.round(hours / 24) })
}
