// The choice of roles in a form: those that are known, and others by name.

import { element } from './console_parts.js'
import { knownRoles } from './user_marks.js'

export function offerRoles(form, chosen = []) {
  for (const role of chosen) knownRoles.add(role)
  form.querySelector('.choices').replaceChildren(...[...knownRoles].map((role) => {
    const box = Object.assign(element('input'), { type: 'checkbox', name: 'role', value: role, defaultChecked: chosen.includes(role) })
    const label = element('label', box, element('bdi', role))
    label.className = 'chip'
    return label
  }))
}

export function rolesOf(form) {
  const fields = new FormData(form)
  return [...new Set([...fields.getAll('role'), ...fields.get('others').split(/[\s,]+/).filter(Boolean)])]
}
