// The choice of roles in a form: those of the installation. While they cannot be learned, those that are chosen already, and others by name.

import { element } from './console_parts.js'
import { learnRoles } from './roles.js'

function choice(role, isChosen) {
  const box = Object.assign(element('input'), { type: 'checkbox', name: 'role', value: role, defaultChecked: isChosen })
  const label = element('label', box, element('bdi', role))
  label.className = 'chip'
  return label
}

export async function offerRoles(form, chosen = []) {
  const choices = form.querySelector('.choices')
  const others = form.querySelector('[data-others]')
  choices.replaceChildren(...chosen.map((role) => choice(role, true)))
  const known = await learnRoles()
  // By now the form may be open for somebody else.
  const offered = [...choices.querySelectorAll('input')].map(({ value }) => value)
  choices.append(...known.filter((role) => !offered.includes(role)).map((role) => choice(role, false)))
  others.hidden = known.length > 0
}

export function rolesOf(form) {
  const fields = new FormData(form)
  return [...new Set([...fields.getAll('role'), ...fields.get('others').split(/[\s,]+/).filter(Boolean)])]
}
