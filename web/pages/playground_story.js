// The story, step by step. It survives whatever else was done in between: what a step needs is done first.

import { byId } from './page.js'
import { beginAct } from './playground_log.js'
import { duration, text } from './words.js'

/**
 * `waits`: for the end of the replay window. `alive`: needs a session. `stolen`: needs the thief to have a token of it. `needsAccess`: is left
 * out if the thief never got an access token.
 */
const STEPS = [
  { name: 'call', act: (game) => game.call('victim') },
  { name: 'forge', act: (game) => game.forge() },
  { name: 'refresh', alive: true, waits: true, act: (game) => game.refresh('victim') },
  { name: 'twice', alive: true, waits: true, act: (game) => game.twice() },
  { name: 'soon', alive: true, waits: true, act: async (game) => (await game.lose()) && game.refresh('victim') },
  { name: 'lose', alive: true, waits: true, act: (game) => game.lose() },
  { name: 'late', alive: true, waits: true, act: (game) => game.refresh('victim') },
  { name: 'copy', alive: true, act: (game) => game.steal() },
  { name: 'thief', alive: true, stolen: true, waits: true, act: (game) => game.refresh('thief') },
  { name: 'again', alive: true, stolen: true, waits: true, act: (game) => game.refresh('thief') },
  { name: 'theft', alive: true, stolen: true, waits: true, act: (game) => game.refresh('victim') },
  { name: 'thiefOut', act: (game) => game.refresh('thief') },
  { name: 'stolen', needsAccess: true, act: (game) => game.call('thief') },
  { name: 'logIn', act: async (game) => (await game.logIn()).status === 200 },
  { name: 'look', alive: true, act: (game) => game.look() },
  { name: 'logOut', alive: true, act: (game) => game.logOut() },
  { name: 'refused', act: (game) => game.refresh('victim') },
  { name: 'still', act: (game) => game.call('victim') },
]

const LOG_IN = { ...STEPS.find(({ name }) => name === 'logIn'), isExtra: true }
const COPY = { ...STEPS.find(({ name }) => name === 'copy'), isExtra: true }

/** `run(act)` does one thing at a time. */
export function story(game, run) {
  const button = byId('step')
  let at = 0

  /** What is next; what it needs comes before it. */
  function next() {
    if (STEPS[at]?.needsAccess && !game.thief.tokens?.access) at += 1
    const step = STEPS[at]
    if (!step) return null
    if (step.alive && !game.isAlive) return LOG_IN
    if (step.stolen && !game.isStolen) return COPY
    return step
  }

  function show() {
    const step = next()
    button.hidden = !step
    byId('step-number').textContent = step ? text('playground.story.number', { number: Math.min(at + 1, STEPS.length), of: STEPS.length }) : ''
    byId('step-about').textContent = text(step ? `playground.story.${step.name}.about` : 'playground.story.over')
    if (!step) return
    const { left } = game.record.youth
    const isWaiting = step.waits && left > 0
    button.textContent = isWaiting
      ? text('playground.story.in', { time: duration(left) })
      : text(`playground.story.${step.name}.do`)
    if (isWaiting) button.setAttribute('aria-disabled', 'true')
    else button.removeAttribute('aria-disabled')
  }

  button.onclick = () => {
    if (button.getAttribute('aria-disabled') === 'true') return
    const step = next()
    run(button, async () => {
      beginAct()
      if ((await step.act(game)) && !step.isExtra) at += 1
      show()
      if (!next()) byId('service-title').focus()
    })
  }
  return {
    show,
    begin() {
      at = 0
      show()
    },
  }
}
