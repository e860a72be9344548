// The console: which view is shown, to whom.

import { copyOf, say } from './console_parts.js'
import { onNavigation, query } from './console_routes.js'
import { learnRights, may, session } from './console_session.js'
import { countdown } from './countdown.js'
import { leaveWithSession } from './departure.js'
import { failure } from './failures.js'
import { byId } from './page.js'
import { warnWhileUnreachable } from './reachability.js'
import { text } from './words.js'

/** Loaded when they are first shown. */
const VIEWS = {
  overview: () => import('./overview_view.js'),
  users: () => import('./users_view.js'),
  user: () => import('./user_view.js'),
  invitations: () => import('./invitations_view.js'),
  keys: () => import('./keys_view.js'),
  audit: () => import('./audit_view.js'),
}
/** Where the rail is marked for a view that is not in it. */
const SECTIONS = { user: 'users' }
/** Seconds between attempts to learn what the person may do, at least. */
const PAUSE = 5

const view = byId('view')
const { title } = document
let here = new AbortController()
let shown

/** Rights cannot be looked up during an outage: until then, those that are known count. */
async function knowRights() {
  try {
    await learnRights()
  } catch (error) {
    const { kind, seconds } = failure(error)
    if (shown || kind === 'refused') return
    await new Promise((done) => { countdown(Math.max(seconds, PAUSE), () => {}, done) })
    await knowRights()
  }
}

function prepare(name, begin) {
  view.replaceChildren(copyOf(name))
  for (const link of document.querySelectorAll('.rail a')) {
    if (link.dataset.section === (SECTIONS[name] ?? name)) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  const heading = view.querySelector('h1')
  document.title = title.replace(/^.*(?= · )/, heading.textContent)
  begin?.(view)
  // A first load leaves the focus where the browser has it.
  if (shown) heading.focus()
}

/** A change of the language stays in the view. */
function keepView() {
  for (const link of document.querySelectorAll('footer a[hreflang]')) {
    const search = query()
    search.set('lang', link.hreflang)
    link.search = search
  }
}

async function show() {
  here.abort()
  here = new AbortController()
  const { signal } = here
  say('')
  // What a dialog is about belongs to the view that it was opened in.
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close()
  await knowRights()
  if (signal.aborted) return
  const isAllowed = may('users:read')
  byId('console').hidden = !isAllowed
  byId('forbidden').hidden = isAllowed
  if (!isAllowed) return
  const asked = query().get('view')
  const name = Object.hasOwn(VIEWS, asked) ? asked : 'overview'
  // Another user is another view.
  const key = name === 'user' ? `user ${query().get('id')}` : name
  const module = await VIEWS[name]().catch(() => null)
  if (signal.aborted) return
  if (!module) return say(text('errors.unavailable'))
  const focused = document.activeElement
  keepView()
  if (key !== shown) prepare(name, module.begin)
  shown = key
  view.removeAttribute('aria-busy')
  await module.show(view, signal)
  // The link to the next page is gone on the last one.
  if (!signal.aborted && view.contains(focused) && !focused.checkVisibility()) view.querySelector('h1').focus()
}

leaveWithSession(session, { comesBack: true })
warnWhileUnreachable(session)
byId('log-out').addEventListener('click', () => session.logout())
onNavigation(show)
session.ready().then(({ phase }) => {
  if (phase !== 'in') return
  byId('log-out').hidden = false
  show()
})
