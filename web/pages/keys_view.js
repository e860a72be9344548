// The signing keys, each from its publication to its end.

import { chip, element, loading, made, onDemand, say } from './console_parts.js'
import { call } from './console_session.js'
import { identifier } from './identifier.js'
import { byId } from './page.js'
import { exactly, moment } from './times.js'
import { duration, sentence, text } from './words.js'

const KINDS = { active: 'good', pending: 'accent', revoked: 'danger' }

/** The steps of a key's life, in order; one whose time nobody knows yet has none. */
function stepsOf({ state, published_at: published, signs_from: signs, gone_from: gone }, successor, lifetime) {
  if (state === 'revoked') return [['published', published], ['signs', signs], ['revoked', gone]]
  const expected = lifetime ? new Date(+new Date(signs) + lifetime * 1000).toISOString() : null
  return [['published', published], ['signs', signs], ['retired', successor?.signs_from ?? expected], ['gone', gone]]
}

function step([name, time]) {
  const when = time ? [moment(time), element('span', exactly(time))] : [text('console.keys.someTime')]
  const item = element('li', element('b', text(`console.keys.${name}`)), ...when)
  item.classList.toggle('past', Boolean(time) && new Date(time) <= Date.now())
  return item
}

function card(key, steps) {
  const [item, part] = made('key')
  item.classList.add(key.state)
  part('kid').append(identifier(key.kid))
  part('state').append(chip(text(`console.keys.states.${key.state}`), KINDS[key.state]))
  item.querySelector('.line').append(...steps.map(step))
  return item
}

/** What changes next, and when. Nobody plans to revoke a key. */
function nextChange(steps) {
  const planned = steps.filter(([name, time]) => name !== 'revoked' && time && new Date(time) > Date.now())
  const [next] = planned.sort(([, one], [, other]) => new Date(one) - new Date(other))
  return next ? sentence(`console.keys.next.${next[0]}`, { when: moment(next[1]) }) : text('console.keys.next.none')
}

let reload

export function begin(view) {
  view.querySelector('[data-rotate]')?.addEventListener('click', () => onDemand(() => import('./confirmation.js'), ({ confirmed }) => {
    confirmed({
      title: text('console.keys.rotateTitle'),
      effect: text('console.keys.rotateEffect'),
      action: text('console.keys.rotate'),
    }, async () => {
      const { signs_from: from } = await call('POST', '/admin/keys/rotate')
      await reload()
      say(text('console.keys.rotated', { when: exactly(from) }))
    })
    byId('confirmation-action').classList.remove('danger')
  }))
}

export async function show(view, signal) {
  const part = view.querySelector('[data-part]')
  reload = await loading(part, signal, () => call('GET', '/admin/keys'), ({ keys, max_age: maxAge, lifetime }) => {
    const lives = keys.map((key, place) => stepsOf(key, keys[place + 1], lifetime))
    const cards = keys.map((key, place) => card(key, lives[place]))
    // Newest first: where one key replaces another, what the new one does is said.
    part.querySelector('[data-next]').replaceChildren(nextChange(lives.reverse().flat()))
    part.querySelector('[data-keys]').replaceChildren(...cards.reverse())
    part.querySelector('[data-caching]').textContent = text('console.keys.caching', { time: duration(maxAge) })
  })
}
