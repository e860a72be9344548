// Events of the audit log, in words.

import { made, onDemand, userLink } from './console_parts.js'
import { deviceName } from './device_name.js'
import { moment } from './times.js'
import { apart, has, text } from './words.js'

/** What happened; an action that this page has no words for is shown as it is named. */
export const actionInWords = (action) => (has(`console.actions.${action}`) ? text(`console.actions.${action}`) : action)

function row(event) {
  const [body, part] = made('event')
  const [, more] = body.rows
  const open = part('open')
  const words = actionInWords(event.action)
  part('when').append(moment(event.at))
  part('what').textContent = words
  part('unsuccessful').hidden = event.result !== 'failure'
  if (event.user) part('whom').append(userLink(event.user))
  if (event.ip) part('from').append(apart(event.ip), ' ')
  if (event.user_agent) part('from').append(apart(deviceName(event.user_agent)))
  part('from').title = event.user_agent ?? ''
  open.setAttribute('aria-label', `${open.textContent}: ${words}`)
  open.addEventListener('click', () => onDemand(() => import('./event_details.js'), ({ fillDetails }) => {
    fillDetails(more.querySelector('dl'), event)
    more.hidden = !more.hidden
    open.setAttribute('aria-expanded', String(!more.hidden))
  }))
  body.dataset.event = event.id
  return body
}

/** Those that are shown already stay as they are, opened ones too. */
export function showEvents(part, events) {
  const table = part.querySelector('.events')
  const rows = new Map([...table.tBodies].map((body) => [body.dataset.event, body]))
  const wanted = events.map((event) => rows.get(event.id) ?? row(event))
  for (const body of rows.values()) if (!wanted.includes(body)) body.remove()
  wanted.forEach((body, place) => {
    const there = table.tBodies[place]
    if (there !== body) table.insertBefore(body, there ?? null)
  })
  table.hidden = events.length === 0
  part.querySelector('[data-empty]').hidden = events.length > 0
}
