// The users: found by address or name, a page at a time.

import { remember } from './audit_events.js'
import { loading, made, showPages } from './console_parts.js'
import { address, canStay, go, query } from './console_routes.js'
import { call } from './console_session.js'
import { offerNewUsers } from './new_user_buttons.js'
import { onDay } from './times.js'
import { rolesShown, statesOf } from './user_marks.js'
import { apart, text } from './words.js'

/** Milliseconds without a key before a search begins. */
const PAUSE = 300

function row(user) {
  const [element, part] = made('user-row')
  remember(user)
  part('address').append(apart(user.email))
  part('address').href = address({ view: 'user', id: user.id })
  if (user.name) part('name').append(apart(user.name))
  part('roles').append(...rolesShown(user.roles))
  part('state').append(...statesOf(user))
  part('created').textContent = onDay(user.created_at)
  return element
}

export function begin(view) {
  const search = view.querySelector('#q')
  let timer
  offerNewUsers(view)
  search.addEventListener('input', () => {
    clearTimeout(timer)
    if (!canStay) return
    timer = setTimeout(() => {
      if (search.isConnected) go(address({ view: 'users', q: search.value.trim() }), { replaces: true })
    }, PAUSE)
  })
  search.form.addEventListener('submit', () => clearTimeout(timer))
}

export async function show(view, signal) {
  const q = query().get('q') ?? ''
  const cursor = query().get('cursor')
  const search = view.querySelector('#q')
  const part = view.querySelector('[data-part]')
  if (search.value.trim() !== q) search.value = q
  const path = `/admin/users?${new URLSearchParams({ ...(q && { q }), ...(cursor && { cursor }) })}`
  await loading(part, signal, () => call('GET', path), ({ users, next }) => {
    const table = part.querySelector('table')
    const empty = part.querySelector('[data-empty]')
    table.tBodies[0].replaceChildren(...users.map(row))
    table.hidden = users.length === 0
    empty.hidden = users.length > 0
    empty.textContent = text(q ? 'console.users.notFound' : 'console.users.empty', { q })
    showPages(part, next)
  })
}
