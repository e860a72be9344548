// The events that are filtered, as a file: one JSON document on each line. Loaded when somebody wants it.

import { say } from './console_parts.js'
import { failure } from './failures.js'
import { text } from './words.js'

/** How many events a file has at most, and how many are asked for at a time. */
const MOST = 10_000
const PAGE = 200

let running

/** Page after page, until `stop`. */
async function collect(load, stop) {
  const events = []
  let cursor
  do {
    const page = await load({ limit: PAGE, ...(cursor && { cursor }) })
    stop.throwIfAborted()
    events.push(...page.events)
    cursor = page.next
    say(text('console.audit.exporting', { count: events.length }))
  } while (cursor && events.length < MOST)
  return { events, isAll: !cursor }
}

function save(events) {
  const url = URL.createObjectURL(new Blob(events.map((event) => `${JSON.stringify(event)}\n`), { type: 'application/jsonl' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `audit-${new Date().toISOString().slice(0, 16).replace(':', '')}.jsonl`
  link.click()
  // Some browsers read it only after the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

/** The button cancels while this is at work. `load(more)` fetches a page of what is filtered. */
export async function exportOrCancel(button, load) {
  if (running) return running.abort()
  const label = button.textContent
  const { signal } = running = new AbortController()
  button.textContent = text('common.cancel')
  try {
    const { events, isAll } = await collect(load, signal)
    save(events)
    say(text(isAll ? 'console.audit.exported' : 'console.audit.exportedMost', { count: events.length }))
  } catch (error) {
    say(signal.aborted ? text('console.audit.cancelled') : failure(error).text)
  } finally {
    running = undefined
    button.textContent = label
  }
}
