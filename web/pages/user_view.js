// One user: who it is, where it is logged in, and what has happened to it.

import { showEvents } from './audit_events.js'
import { chip, element, loading, made, onDemand, remember, showPages } from './console_parts.js'
import { address, query } from './console_routes.js'
import { call } from './console_session.js'
import { deviceName, setIcon } from './device_name.js'
import { identifier } from './identifier.js'
import { exactly, instant, isNow, moment } from './times.js'
import { rolesShown, statesOf } from './user_marks.js'
import { apart, sentence, text } from './words.js'

let user
let reload

function device({ id, ip, user_agent: userAgent, created_at: begun, last_used_at: used, current }) {
  const [item, part] = made('device')
  const name = deviceName(userAgent)
  const use = current || isNow(used) ? 'console.device.inUse' : 'console.device.lastUsed'
  const end = part('act')
  setIcon(item.querySelector('.icon'), userAgent)
  part('device').textContent = name
  part('this').hidden = !current
  part('where').append(sentence(use, { address: ip, when: moment(used), began: moment(begun) }))
  part('agent').textContent = userAgent
  part('events').href = address({ view: 'audit', session: id })
  if (end) {
    end.setAttribute('aria-label', `${end.textContent}: ${name}`)
    Object.assign(end.dataset, { session: id, device: name })
  }
  return item
}

function incident({ action, at, ip, user_agent: userAgent, details }) {
  const [card, part] = made('incident')
  const isTheft = action === 'refresh_reuse'
  const texts = `console.incident.${isTheft ? 'theft' : 'elsewhere'}`
  const fill = (name, where) => {
    const side = card.querySelector(`[data-side="${name}"]`)
    if (!where) return side.remove()
    side.querySelector('[data-label]').textContent = text(`${texts}.${name}`)
    side.querySelector('[data-device]').textContent = deviceName(where.user_agent)
    side.querySelector('[data-where]').append(where.ip ? apart(where.ip) : '', instant(where.at))
    side.title = where.user_agent ?? ''
  }
  card.classList.toggle('theft', isTheft)
  part('title').textContent = text(`console.actions.${action}`)
  fill('here', { at, ip, user_agent: userAgent })
  fill('before', details.last_refresh)
  part('done').textContent = text(`${texts}.${isTheft && details.ends === 'session' ? 'doneOne' : 'done'}`)
  return card
}

/** What the user shows beside the password, and whether it will be gone. */
function factorsShown({ totp: hasApp, passkeys, recovery_codes_left: codes, reset_due_at: due }) {
  const found = [
    hasApp && text('console.factors.app'),
    passkeys > 0 && text('console.factors.passkeys', { count: passkeys }),
    (hasApp || passkeys > 0) && text('console.factors.codes', { count: codes }),
  ].filter(Boolean)
  const shown = [element('span', found.join(' · ') || text('console.factors.none'))]
  if (due) shown.push(' ', chip(text('console.factors.due', { when: exactly(due) }), 'warning'))
  return shown
}

const json = (value) => element('pre', element('code', JSON.stringify(value, null, 2)))

function showUser(part, [found, { sessions, incidents }]) {
  user = found
  remember(user)
  const name = user.name ?? user.email
  const fill = (where, ...content) => part.querySelector(`[data-${where}]`)?.replaceChildren(...content)
  const hide = (where, isHidden) => { for (const piece of part.querySelectorAll(`[data-${where}]`)) piece.hidden = isHidden }
  document.title = document.title.replace(/^.*(?= · )/s, () => name)
  fill('title', apart(name))
  fill('state', ...statesOf(user))
  fill('address', apart(user.email))
  fill('second', apart(user.second_email ?? ''))
  hide('second-row', !user.second_email)
  fill('roles', ...(user.roles.length ? rolesShown(user.roles) : [text('console.roles.none')]))
  fill('custom', Object.keys(user.custom).length ? json(user.custom) : text('console.custom.none'))
  const { factors } = user
  // A replica of an earlier version does not know.
  hide('factors-row', !factors)
  if (factors) {
    fill('factors', ...factorsShown(factors))
    hide('with-factors', !factors.totp && factors.passkeys === 0)
  }
  fill('created', exactly(user.created_at))
  fill('id', identifier(user.id))
  fill('external', apart(user.external_id ? `${user.external_id.source}: ${user.external_id.id}` : ''))
  hide('external-row', !user.external_id)
  fill('incidents', ...incidents.map(incident))
  hide('incidents', incidents.length === 0)
  fill('devices', ...sessions.map(device))
  hide('with-devices', sessions.length === 0)
  hide('no-devices', sessions.length > 0)
  // Those who may do nothing have neither button.
  fill('act="disable"', text(user.disabled ? 'console.user.enable' : 'console.user.disable'))
  hide('act="reset"', user.disabled)
}

export function begin(view) {
  view.querySelector('[data-part="user"]').addEventListener('click', ({ target }) => {
    const { act, ...values } = target.closest('[data-act]')?.dataset ?? {}
    if (act) onDemand(() => import('./user_actions.js'), (actions) => actions[act]({ user, reload, ...values }))
  })
}

export async function show(view, signal) {
  const part = view.querySelector('[data-part="user"]')
  const trail = view.querySelector('[data-part="trail"]')
  const cursor = query().get('cursor')
  const path = `/admin/users/${encodeURIComponent(query().get('id'))}`
  const loadUser = () => Promise.all([call('GET', path), call('GET', `${path}/sessions`)])
  const loadTrail = () => call('GET', `${path}/audit${cursor ? `?${new URLSearchParams({ cursor })}` : ''}`)
  const loads = await Promise.all([
    loading(part, signal, loadUser, (found) => showUser(part, found)),
    loading(trail, signal, loadTrail, ({ events, next }) => {
      showEvents(trail, events)
      showPages(trail, next)
    }),
  ])
  if (!signal.aborted) reload = () => Promise.all(loads.map((load) => load()))
}
