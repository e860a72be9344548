// An access token in words.

import { byId } from './page.js'
import { headerOf, payloadOf } from './playground_token.js'
import { exactly } from './times.js'
import { has, text } from './words.js'

const TIMES = ['iat', 'exp', 'nbf', 'auth_time']

function line([name, value]) {
  const element = byId('claim').content.cloneNode(true).firstElementChild
  const part = (of) => element.querySelector(`[data-${of}]`)
  const key = `playground.claims.${name}`
  part('name').textContent = name
  part('value').textContent = typeof value === 'string' ? value : JSON.stringify(value)
  part('about').textContent = text(has(key) ? key : 'playground.claims.other', TIMES.includes(name) ? { at: exactly(value * 1000) } : {})
  return element
}

let shown

export function showClaims(token) {
  if (token === shown) return
  shown = token
  byId('token-header').replaceChildren(...Object.entries(headerOf(token)).map(line))
  byId('token-payload').replaceChildren(...Object.entries(payloadOf(token)).map(line))
}
