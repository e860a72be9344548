// Pieces of the console: copies of templates, parts that load, lists with pages.

import { NotNow, SessionEnded } from './client.js'
import { beginAnewWithOtherRights, may } from './console_session.js'
import { address, cameFromList, changed, query } from './console_routes.js'
import { countdown } from './countdown.js'
import { failure } from './failures.js'
import { byId } from './page.js'
import { apart, duration, text } from './words.js'

/** Seconds between attempts to load, at least. */
const PAUSE = 5

/** A copy of a template, without what the person may not do: absent, not disabled. */
export function copyOf(id) {
  const copy = byId(id).content.cloneNode(true)
  for (const element of copy.querySelectorAll('[data-may]')) if (!may(element.dataset.may)) element.remove()
  return copy
}

/** The one element of a template, and how to find its parts. */
export function made(id) {
  const element = copyOf(id).firstElementChild
  return [element, (name) => element.querySelector(`[data-${name}]`)]
}

export function element(tag, ...content) {
  const created = document.createElement(tag)
  created.append(...content)
  return created
}

export function chip(label, kind = '') {
  const created = element('span', label)
  created.className = `chip ${kind}`
  return created
}

export function link(href, content) {
  const created = element('a', content)
  created.href = href
  return created
}

/** What was done, until something else is. */
export const say = (sentence) => { byId('note').textContent = sentence }

/** Loads what is needed for `act` when it is. */
export async function onDemand(load, act) {
  let module
  try {
    module = await load()
  } catch {
    return say(text('errors.unavailable'))
  }
  act(module)
}

export const shortened = (id) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id)

/** Addresses of users, by id, as far as they were seen. */
const seen = new Map()

export const remember = ({ id, email }) => seen.set(id, email)

export function userLink(id) {
  const whole = link(address({ view: 'user', id }), seen.has(id) ? apart(seen.get(id)) : element('code', shortened(id)))
  whole.title = id
  return whole
}

/**
 * Lets `load` fetch what `show` shows in `part`. Answers how to do so again; what fails is said there, and an outage waited out. With
 * `isQuiet`, what is shown stays during an outage, of which the page says by itself.
 */
export async function loading(part, signal, load, show) {
  const failed = part.querySelector('[data-failed]')
  const loaded = part.querySelector('[data-loaded]')
  const [message, row] = failed.children
  const [again, wait] = row.children
  let endCountdown = () => {}

  function fail(error) {
    const { kind, code, seconds, text: sentence } = failure(error)
    endCountdown()
    failed.hidden = false
    loaded.hidden = true
    message.textContent = kind === 'refused' ? sentence : text('common.unreachable')
    wait.textContent = ''
    if (code === 'insufficient_scope') beginAnewWithOtherRights()
    if (kind === 'refused') return
    const tell = (left) => { wait.textContent = text('common.tryingAgainIn', { time: duration(left) }) }
    endCountdown = countdown(Math.max(seconds, PAUSE), tell, attempt)
  }

  async function attempt({ isQuiet } = {}) {
    if (!isQuiet) {
      endCountdown()
      part.setAttribute('aria-busy', 'true')
    }
    try {
      const found = await load()
      if (signal.aborted) return
      endCountdown()
      show(found)
      failed.hidden = true
      loaded.hidden = false
    } catch (error) {
      const isLeftOut = error instanceof SessionEnded || (isQuiet && error instanceof NotNow)
      if (!signal.aborted && !isLeftOut) fail(error)
    } finally {
      if (!signal.aborted) {
        part.querySelector('[data-bones]').hidden = true
        part.removeAttribute('aria-busy')
      }
    }
  }

  signal.addEventListener('abort', () => endCountdown())
  again.onclick = attempt
  await attempt()
  return attempt
}

/** Leads to the next page of a list, and back. */
export function showPages(part, next) {
  const newer = part.querySelector('[data-newer]')
  const older = part.querySelector('[data-older]')
  newer.hidden = !query().has('cursor')
  newer.href = changed({ cursor: '' })
  newer.onclick = (event) => {
    if (!cameFromList()) return
    event.preventDefault()
    history.back()
  }
  older.hidden = !next
  older.href = changed({ cursor: next })
}
