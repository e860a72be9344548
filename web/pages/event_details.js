// All that the audit log knows of an event. Loaded when somebody wants to see it.

import { element, link, userLink } from './console_parts.js'
import { address } from './console_routes.js'
import { identifier } from './identifier.js'
import { exactly } from './times.js'
import { apart, text } from './words.js'

export function fillDetails(list, { id, at, user, actor, session_id: session, ip, user_agent: userAgent, action, details }) {
  const facts = []
  const add = (name, ...content) => facts.push(element('div', element('dt', text(`console.audit.${name}`)), element('dd', ...content)))
  add('when', exactly(at))
  add('action', element('code', action))
  if (user) add('whom', userLink(user))
  if (actor) add('actor', userLink(actor))
  if (session) add('session', link(address({ view: 'audit', session }), element('code', session)))
  if (ip) add('address', apart(ip))
  if (userAgent) add('agent', element('code', userAgent))
  if (Object.keys(details).length) add('more', element('pre', element('code', JSON.stringify(details, null, 2))))
  add('id', identifier(id))
  list.replaceChildren(...facts)
}
