// Filters of a list: in the address, in a form, and as chips that lead away from them.

import { chip, element, link } from './console_parts.js'
import { changed, query } from './console_routes.js'
import { text } from './words.js'

export const option = (value, label) => Object.assign(element('option', label), { value })

/** Those that the address has. `words` has each filter, and the words of its value. */
export const filtersOf = (words) =>
  Object.fromEntries(Object.keys(words).map((name) => [name, query().get(name)]).filter(([, value]) => value))

/** Shows a value in its field, also one that is not among the choices, or not any more. */
export function choose(field, value, words) {
  field.querySelector('[data-other]')?.remove()
  field.value = value
  if (field.value === value || !field.options) return
  field.append(option(value, words(value)))
  field.lastElementChild.dataset.other = ''
  field.value = value
}

export function showFilters(view, words) {
  const { elements } = view.querySelector('.filters')
  const chips = view.querySelector('[data-chips]')
  const chosen = filtersOf(words)
  for (const name of Object.keys(words)) {
    if (elements[name]) choose(elements[name], chosen[name] ?? '', words[name])
  }
  chips.hidden = !Object.keys(chosen).length
  chips.replaceChildren(...Object.entries(chosen).map(([name, value]) => {
    const inWords = words[name](value)
    const away = link(changed({ [name]: '', cursor: '' }), chip(`${inWords} ✕`, 'accent'))
    away.setAttribute('aria-label', text('console.filters.without', { filter: inWords }))
    return element('li', away)
  }))
}
