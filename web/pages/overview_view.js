// How the service is doing: figures of the replica that answers, and the latest incidents.

import { showEvents } from './audit_events.js'
import { loading, made, remember } from './console_parts.js'
import { call } from './console_session.js'
import { whileVisible } from './while_visible.js'
import { duration, text } from './words.js'

/** Seconds between polls. */
const PAUSE = 5
/** Milliseconds that a figure of what is going on covers. */
const MINUTE = 60_000
/** How many incidents of each kind are shown. */
const MOST = 5
/** A mail that waits for more seconds than these waits for more than its next attempt. */
const LONG = 300

/** The measures of a line, as its `viewBox` has them. */
const WIDTH = 120
const HEIGHT = 32
const MARGIN = 2

/** How many values fit. */
const FITTING = 60

const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0)
const successes = ({ logins }) => logins.success ?? 0
const thefts = ({ refreshes }) => refreshes.reuse ?? 0
const storeFailures = ({ store_failures: counts }) => sum(counts)

/**
 * Each figure is a `value`, or a `counter` whose growth is shown, or with `isTotal` its state; `grade` says how bad it is. The order is
 * that of a service that is well: what is worse comes first.
 */
const FIGURES = {
  thefts: { counter: thefts, isTotal: true, grade: (now) => (thefts(now) ? 'danger' : '') },
  failed: { counter: (now) => sum(now.logins) - successes(now) },
  logins: { counter: successes },
  refreshes: { counter: ({ refreshes }) => sum(refreshes) },
  queue: {
    value: ({ hashing_queue: { waiting } }) => waiting,
    more: ({ hashing_queue: { capacity } }) => text('console.overview.queue.more', { count: capacity }),
    grade: ({ hashing_queue: { waiting, capacity } }) => (waiting > capacity / 2 ? 'danger' : ''),
  },
  stores: { counter: storeFailures, isTotal: true, grade: (now, grown) => (grown ? 'danger' : storeFailures(now) && 'warning') },
  mail: {
    value: ({ mail: { waiting } }) => waiting,
    more: ({ mail: { waiting, oldest } }) => (waiting ? text('console.overview.mail.more', { time: duration(oldest) }) : text('console.overview.mail.none')),
    grade: ({ mail: { oldest } }) => (oldest > LONG ? 'warning' : ''),
  },
  key: {
    value: ({ keys: { signing_age: age } }) => duration(age),
    more: ({ keys: { published } }) => text('console.overview.key.more', { count: published }),
  },
}

/** What each replica has answered, oldest first. A replica is known by when it started. */
const replicas = []

function remembered(now) {
  const at = Date.now()
  const start = at - now.up * 1000
  let replica = replicas.find((known) => Math.abs(known.start - start) < 3000)
  if (!replica) replicas.push(replica = { start, answers: [] })
  replica.answers.push({ at, now })
  // One more than fits: differences are drawn.
  replica.answers.splice(0, replica.answers.length - FITTING - 1)
  return replica.answers
}

/** How much a counter has grown in the last minute, or since the page looks, and in how many seconds. */
function growth(answers, counter) {
  const last = answers.at(-1)
  const first = answers.find(({ at }) => last.at - at <= MINUTE + 1000)
  return { count: counter(last.now) - counter(first.now), seconds: Math.round((last.at - first.at) / 1000) }
}

/** The newest value is at the right edge. */
function draw(svg, values) {
  const top = Math.max(1, ...values)
  const points = values.map((value, place) => {
    const x = WIDTH - (values.length - 1 - place) * (WIDTH / (FITTING - 1))
    const y = HEIGHT - MARGIN - (value / top) * (HEIGHT - 2 * MARGIN)
    return `${x.toFixed(1)},${y.toFixed(1)}`
  })
  svg.querySelector('polyline').setAttribute('points', points.join(' '))
}

function card(name) {
  const [item, part] = made('figure')
  item.dataset.figure = name
  part('name').textContent = text(`console.overview.${name}.title`)
  // An age only grows.
  if (name === 'key') item.querySelector('.sparkline').remove()
  return item
}

function told({ counter, value, isTotal, more }, now, grown) {
  if (value) return [value(now), more(now)]
  if (isTotal) return [counter(now), text('console.overview.sinceStart')]
  if (!grown.seconds) return ['…', text('console.overview.counting')]
  return [grown.count, text('console.overview.lastSeconds', { time: duration(grown.seconds) })]
}

/** Answers how bad it is. */
function fill(item, answers) {
  const figure = FIGURES[item.dataset.figure]
  const { counter, value, grade } = figure
  const { now } = answers.at(-1)
  const grown = counter && growth(answers, counter)
  const [shown, more] = told(figure, now, grown)
  item.querySelector('[data-value]').textContent = typeof shown === 'number' ? text('console.number', { count: shown }) : shown
  item.querySelector('[data-more]').textContent = more
  const level = grade?.(now, grown?.count) || ''
  for (const name of ['danger', 'warning']) item.classList.toggle(name, level === name)
  const svg = item.querySelector('.sparkline')
  const values = answers.map(({ now: then }) => (counter ?? value)(then))
  if (svg) draw(svg, counter ? values.slice(1).map((later, place) => later - values[place]) : values)
  return ['danger', 'warning', ''].indexOf(level)
}

function showFigures(part, now) {
  const list = part.querySelector('ul')
  const answers = remembered(now)
  const cards = Object.keys(FIGURES).map((name) => list.querySelector(`[data-figure="${name}"]`) ?? card(name))
  const levels = new Map(cards.map((item) => [item, fill(item, answers)]))
  const order = cards.sort((one, other) => levels.get(one) - levels.get(other))
  // Moved only if the order is another.
  if (order.some((item, place) => list.children[place] !== item)) list.replaceChildren(...order)
  part.querySelector('[data-replica]').textContent = text('console.overview.replica', { time: duration(now.up) })
}

const incidentsOf = (action) => call('GET', `/admin/audit?${new URLSearchParams({ action, limit: MOST })}`)

async function loadIncidents() {
  const pages = await Promise.all(['refresh_reuse', 'refresh_elsewhere'].map(incidentsOf))
  // Thefts first: the other kind is mostly harmless.
  const events = pages.flatMap((page) => page.events)
  const users = [...new Set(events.map(({ user }) => user))].filter(Boolean)
  // Whoever was deleted since has no address any more.
  await Promise.all(users.map((id) => call('GET', `/admin/users/${encodeURIComponent(id)}`).then(remember, () => {})))
  return events
}

export async function show(view, signal) {
  const figures = view.querySelector('[data-part="figures"]')
  const incidents = view.querySelector('[data-part="incidents"]')
  loading(incidents, signal, loadIncidents, (events) => showEvents(incidents, events))
  const again = await loading(figures, signal, () => call('GET', '/admin/overview'), (now) => showFigures(figures, now))
  whileVisible(PAUSE, signal, () => again({ isQuiet: true }))
}
