// The users: found by address or name, filtered, a page at a time.

import { loading, made, remember, showPages } from './console_parts.js'
import { address, canStay, go, query } from './console_routes.js'
import { call } from './console_session.js'
import { choose, filtersOf, option, showFilters } from './filters.js'
import { offerNewUsers } from './new_user_buttons.js'
import { learnRoles } from './roles.js'
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

/** The beginning of a day, here. */
const dayBegins = (day) => new Date(`${day}T00:00`)
const isDay = (day) => !Number.isNaN(+dayBegins(day))
const onThatDay = (day) => (isDay(day) ? onDay(dayBegins(day)) : day)

/** Each filter besides the search, and the words of its value. */
const FILTERS = {
  role: (role) => `${text('console.users.role')}: ${role}`,
  state: (state) => text(`console.users.${state === 'disabled' ? 'disabled' : 'active'}`),
  created_after: (day) => `${text('console.users.from')} ${onThatDay(day)}`,
  created_before: (day) => `${text('console.users.before')} ${onThatDay(day)}`,
}

/** The same as the service calls it. */
function asked({ role, state, created_after: from, created_before: until }) {
  const time = (day) => (isDay(day) ? dayBegins(day).toISOString() : day)
  return {
    ...(role && { role }),
    ...(state && { disabled: state === 'disabled' }),
    ...(from && { created_from: time(from) }),
    ...(until && { created_until: time(until) }),
  }
}

export function begin(view) {
  const form = view.querySelector('.filters')
  const { q, role } = form.elements
  let timer
  const apply = (how) => {
    const values = Object.fromEntries(new FormData(form))
    if (form.isConnected) go(address({ ...values, q: values.q.trim() }), how)
  }
  offerNewUsers(view)
  learnRoles().then((names) => {
    role.append(...names.map((name) => option(name, name)))
    choose(role, query().get('role') ?? '', FILTERS.role)
  })
  q.addEventListener('input', () => {
    clearTimeout(timer)
    if (canStay) timer = setTimeout(apply, PAUSE, { replaces: true })
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    clearTimeout(timer)
    apply()
  })
}

export async function show(view, signal) {
  const q = query().get('q') ?? ''
  const cursor = query().get('cursor')
  const search = view.querySelector('#q')
  const part = view.querySelector('[data-part]')
  const by = asked(filtersOf(FILTERS))
  const isFiltered = Object.keys(by).length > 0
  if (search.value.trim() !== q) search.value = q
  showFilters(view, FILTERS)
  const path = `/admin/users?${new URLSearchParams({ ...(q && { q }), ...by, ...(cursor && { cursor }) })}`
  await loading(part, signal, () => call('GET', path), ({ users, next }) => {
    const table = part.querySelector('table')
    const empty = part.querySelector('[data-empty]')
    table.tBodies[0].replaceChildren(...users.map(row))
    table.hidden = users.length === 0
    empty.hidden = users.length > 0
    empty.textContent = isFiltered ? text('console.users.noneSuch') : text(q ? 'console.users.notFound' : 'console.users.empty', { q })
    showPages(part, next)
  })
}
