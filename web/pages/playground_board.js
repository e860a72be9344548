// What the three columns show.

import { byId } from './page.js'
import { showClaims } from './playground_claims.js'
import { shortened } from './playground_token.js'
import { duration, text } from './words.js'

const column = (name) => document.querySelector(`[data-party="${name}"]`)
const button = (name, act) => column(name).querySelector(`[data-act="${act}"]`)

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`

function showNewest(tokens) {
  const list = byId('newest')
  const texts = tokens.map(shortened)
  // Each second: what somebody has selected stays.
  if (list.textContent === texts.join('')) return
  list.replaceChildren(...texts.map((content) => {
    const line = document.createElement('code')
    line.textContent = content
    return line
  }))
}

function showParty({ name, tokens, left }) {
  const list = column(name).querySelector('[data-tokens]')
  const part = (of) => list.querySelector(`[data-${of}]`)
  list.hidden = !tokens
  if (!tokens) return
  const { access, refresh } = tokens
  part('access').textContent = access ? shortened(access) : text('playground.noAccess')
  part('left').textContent = access ? (left ? text('playground.left', { time: clock(left) }) : text('playground.expired')) : ''
  part('left').classList.toggle('error', Boolean(access) && !left)
  part('refresh').textContent = shortened(refresh)
}

const youthText = ({ left }) => {
  if (left === null) return text('playground.record.none')
  return left ? text('playground.record.open', { time: duration(left) }) : text('playground.record.closed')
}

export function show(game) {
  const { victim, thief, record, isAlive } = game
  if (!victim.tokens) return
  showParty(victim)
  showParty(thief)
  showClaims(victim.tokens.access)
  byId('session').textContent = text(isAlive ? 'playground.record.alive' : 'playground.record.over')
  byId('session').classList.toggle('error', !isAlive)
  byId('window').textContent = youthText(record.youth)
  showNewest(record.newest)
  // What cannot be done is absent.
  const has = { victim: true, thief: Boolean(thief.tokens) }
  button('victim', 'logIn').hidden = isAlive
  button('victim', 'logOut').hidden = !isAlive
  button('thief', 'refresh').hidden = !has.thief
  button('thief', 'call').hidden = !thief.tokens?.access
  column('thief').querySelector('[data-empty]').hidden = has.thief
}
