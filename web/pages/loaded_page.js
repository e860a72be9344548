// A page that is filled once: what stands in for it meanwhile, and what it says when it cannot be.

import { countdown } from './countdown.js'
import { failure } from './failures.js'
import { byId } from './page.js'
import { duration, text } from './words.js'

/** Seconds between attempts to load, at least. */
const PAUSE = 5

/** Answers how to let `fill` fetch and show everything; it may answer what is left to do once that is seen. */
export function onceLoaded(fill) {
  let endCountdown = () => {}

  function succeed() {
    byId('failed').hidden = true
    byId('sections').hidden = false
    byId('log-out').hidden = false
    for (const bones of document.querySelectorAll('[data-bones]')) bones.hidden = true
    byId('content').removeAttribute('aria-busy')
  }

  function fail(error) {
    const { kind, seconds, text: sentence } = failure(error)
    byId('sections').hidden = true
    byId('failed').hidden = false
    byId('failed').querySelector('[role="alert"]').textContent = kind === 'refused' ? sentence : text('common.unreachable')
    if (kind === 'refused') return
    const wait = byId('failed').querySelector('.wait')
    const pause = Math.max(seconds, PAUSE)
    endCountdown = countdown(pause, (left) => { wait.textContent = text('common.tryingAgainIn', { time: duration(left) }) }, load)
  }

  async function load() {
    endCountdown()
    try {
      const then = await fill()
      succeed()
      await then?.()
    } catch (error) {
      fail(error)
    }
  }

  byId('reload').addEventListener('click', load)
  return load
}
