// The audit log: filtered, followed, and taken along.

import { actionInWords, showEvents } from './audit_events.js'
import { loading, onDemand, shortened, showPages } from './console_parts.js'
import { address, go, query } from './console_routes.js'
import { call } from './console_session.js'
import { filtersOf, option, showFilters } from './filters.js'
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

const load = (by, more) => call('GET', `/admin/audit?${new URLSearchParams({ ...by, ...more })}`)
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
    const { since, ...values } = Object.fromEntries(new FormData(form))
    go(address({ ...values, since: PERIODS.includes(+since) ? timeAgo(since) : since, session: query().get('session') }))
  })
  taking.addEventListener('click', () => onDemand(() => import('./audit_export.js'), ({ exportOrCancel }) => {
    const by = filtersOf(FILTERS)
    exportOrCancel(taking, (more) => load(by, more))
  }))
  const tell = () => follow.setAttribute('aria-pressed', String(isFollowing))
  tell()
  follow.addEventListener('click', () => {
    isFollowing = !isFollowing
    tell()
  })
}

export async function show(view, signal) {
  const part = view.querySelector('[data-part]')
  const cursor = query().get('cursor')
  const by = filtersOf(FILTERS)
  const fill = ({ events, next }) => {
    showEvents(part, events)
    showPages(part, next)
  }
  showFilters(view, FILTERS)
  // What is older does not change.
  view.querySelector('[data-follow]').hidden = Boolean(cursor)
  const again = await loading(part, signal, () => load(by, cursor && { cursor }), fill)
  if (!cursor) whileVisible(PAUSE, signal, () => isFollowing && again({ isQuiet: true }))
}
