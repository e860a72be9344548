// Thefts that were found, and traces that a theft may have left: what happened, what was done, what to do.

import { deviceName } from './device_name.js'
import { byId } from './page.js'
import { exactly, instant } from './times.js'
import { isSeen, see } from './seen_incidents.js'
import { apart, text } from './words.js'

const KINDS = { refresh_reuse: 'theft', refresh_elsewhere: 'elsewhere' }

/** `changePassword` begins a change of the password. */
export function incidents({ changePassword }) {
  let known = []

  function fillSide(side, label, { ip, user_agent: userAgent, at }) {
    const part = (name) => side.querySelector(`[data-${name}]`)
    part('label').textContent = label
    part('device').textContent = deviceName(userAgent)
    part('where').append(apart(ip ?? text('account.incidents.nowhere')), instant(at))
    side.title = userAgent ?? ''
  }

  function card(incident) {
    const kind = KINDS[incident.action]
    const texts = `account.incidents.${kind}`
    const { details = {} } = incident
    const element = byId('incident').content.cloneNode(true).firstElementChild
    const part = (name) => element.querySelector(`[data-${name}]`)
    const before = details.last_refresh
    element.classList.toggle('theft', kind === 'theft')
    part('title').textContent = text(`${texts}.title`)
    part('happened').textContent = text(`${texts}.happened`, { at: exactly(incident.at) })
    part('done').textContent = text(details.ends === 'session' ? `${texts}.doneOne` : `${texts}.done`)
    part('todo').textContent = text(`${texts}.todo`)
    fillSide(element.querySelector('[data-side="here"]'), text(`${texts}.here`), incident)
    const side = element.querySelector('[data-side="before"]')
    if (before) fillSide(side, text(`${texts}.before`), before)
    else side.remove()
    part('change').addEventListener('click', changePassword)
    part('seen').addEventListener('click', () => {
      see(incident.id)
      show(known)
      const next = byId('incidents').querySelector('h2')
      if (next) next.focus()
      else byId('devices-title').focus()
    })
    if (isSeen(incident.id)) part('seen').remove()
    return element
  }

  function show(all) {
    known = all.filter(({ action }) => action in KINDS)
    const seen = known.filter(({ id }) => isSeen(id))
    const unseen = known.filter(({ id }) => !isSeen(id))
    byId('incidents').replaceChildren(...unseen.map(card))
    byId('incidents').hidden = unseen.length === 0
    byId('seen-incidents').replaceChildren(...seen.map(card))
    byId('seen').hidden = seen.length === 0
    byId('seen').querySelector('summary').textContent = text('account.incidents.earlier', { count: seen.length })
  }

  return { show }
}
