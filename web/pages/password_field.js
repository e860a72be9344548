// Passwords may be looked at, and Caps Lock is pointed out.

import { text } from './words.js'

export function hide(form) {
  for (const field of form.querySelectorAll('[data-password]')) reveal(field, false)
}

function reveal(field, isShown) {
  field.querySelector('input').type = isShown ? 'text' : 'password'
  field.querySelector('button span').textContent = text(isShown ? 'common.hide' : 'common.show')
}

function pointOutCapsLock(field, event) {
  const isOn = event.getModifierState?.('CapsLock') ?? false
  field.querySelector('.caps').textContent = isOn ? text('common.capsLock') : ''
}

for (const field of document.querySelectorAll('[data-password]')) {
  const input = field.querySelector('input')
  field.querySelector('button').addEventListener('click', () => reveal(field, input.type === 'password'))
  for (const type of ['keydown', 'keyup']) input.addEventListener(type, (event) => pointOutCapsLock(field, event))
  input.addEventListener('blur', () => { field.querySelector('.caps').textContent = '' })
}
