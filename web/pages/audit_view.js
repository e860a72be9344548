// The audit log: filtered, followed, and taken along.

import { actionInWords, showEvents } from './audit_events.js'
import { chip, element, link, loading, onDemand, shortened, showPages } from './console_parts.js'
import { address, changed, go, query } from './console_routes.js'
import { call } from './console_session.js'
import { language, texts } from './page.js'
import { exactly } from './times.js'
import { whileVisible } from './while_visible.js'
import { duration, text } from './words.js'

/** Seconds between looks at what is new. */
const PAUSE = 5
/** How far back one may look, in seconds. */
const PERIODS = [3600, 86400, 7 * 86400, 30 * 86400]

const isTime = (written) => !Number.isNaN(Date.parse(written))
const time = (written) => (isTime(written) ? exactly(written) : written)

/** Each filter, and the words of its value. */
const FILTERS = {
  action: actionInWords,
  result: (result) => text(`console.audit.${result === 'failure' ? 'failure' : 'success'}`),
  since: (since) => text('console.audit.sinceThen', { when: time(since) }),
  session: (session) => text('console.audit.ofSession', { id: shortened(session) }),
}

const filter = () => Object.fromEntries(Object.keys(FILTERS).map((name) => [name, query().get(name)]).filter(([, value]) => value))
const load = (by, more) => call('GET', `/admin/audit?${new URLSearchParams({ ...by, ...more })}`)
const option = (value, label) => Object.assign(element('option', label), { value })
const timeAgo = (seconds) => new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+/, '')

let isFollowing = true

export function begin(view) {
  const form = view.querySelector('.filters')
  const follow = view.querySelector('[data-follow]')
  const taking = view.querySelector('[data-export]')
  const names = Object.keys(texts.console.actions).map((action) => [action, actionInWords(action)])
  names.sort(([, one], [, other]) => one.localeCompare(other, language))
  form.elements.action.append(...names.map(([action, words]) => option(action, words)))
  form.elements.since.append(...PERIODS.map((seconds) => option(seconds, duration(seconds))))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const { action, result, since: { value } } = form.elements
    const since = PERIODS.includes(+value) ? timeAgo(value) : value
    go(address({ view: 'audit', action: action.value, result: result.value, since, session: query().get('session') }))
  })
  taking.addEventListener('click', () => onDemand(() => import('./audit_export.js'), ({ exportOrCancel }) => {
    const by = filter()
    exportOrCancel(taking, (more) => load(by, more))
  }))
  const tell = () => follow.setAttribute('aria-pressed', String(isFollowing))
  tell()
  follow.addEventListener('click', () => {
    isFollowing = !isFollowing
    tell()
  })
}

/** The filters of the address: in the form, and as chips that lead away from them. */
function showFilter(view) {
  const { action, result, since } = view.querySelector('.filters').elements
  const chips = view.querySelector('[data-chips]')
  const chosen = Object.entries(filter())
  action.value = query().get('action') ?? ''
  result.value = query().get('result') ?? ''
  const past = query().get('since') ?? ''
  // The place of a time that is none of the periods any more.
  since.querySelector('[data-exact]')?.remove()
  if (past) {
    since.append(option(past, time(past)))
    since.lastElementChild.dataset.exact = ''
  }
  since.value = past
  chips.hidden = chosen.length === 0
  chips.replaceChildren(...chosen.map(([name, value]) => {
    const words = FILTERS[name](value)
    const away = link(changed({ [name]: '', cursor: '' }), chip(`${words} ✕`, 'accent'))
    away.setAttribute('aria-label', text('console.audit.without', { filter: words }))
    return element('li', away)
  }))
}

export async function show(view, signal) {
  const part = view.querySelector('[data-part]')
  const cursor = query().get('cursor')
  const by = filter()
  const fill = ({ events, next }) => {
    showEvents(part, events)
    showPages(part, next)
  }
  showFilter(view)
  // What is older does not change.
  view.querySelector('[data-follow]').hidden = Boolean(cursor)
  await loading(part, signal, () => load(by, cursor && { cursor }), fill)
  if (cursor) return
  whileVisible(PAUSE, signal, async () => {
    if (!isFollowing) return
    const page = await load(by).catch(() => null)
    if (page && !signal.aborted) fill(page)
  })
}
