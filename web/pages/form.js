// Forms: one attempt at a time, errors where they belong, and what was typed stays.

import { countdown } from './countdown.js'
import { failure } from './failures.js'
import { absolve, complain, flaw } from './field.js'
import { hide } from './password_field.js'
import { duration, text } from './words.js'

/** Between the attempts that a form makes by itself during an outage: doubled each time, up to this many seconds. */
const LONGEST_PAUSE = 60

/**
 * Lets `send(values, button)` do what the form is for, and shows what it throws, unless `onRefused(code)` answers that it has. With
 * `isRepeatable`, an outage is waited out and the attempt repeated; otherwise the person repeats it. A button with `data-needs` needs
 * that field only.
 */
export function bind(form, send, { isRepeatable = false, onRefused = () => false } = {}) {
  const buttons = [...form.elements].filter((element) => element.type === 'submit')
  const trouble = form.querySelector('[data-trouble]')
  const [message, wait] = trouble.children
  let isBusy = false
  let outages = 0
  let endCountdown = () => {}

  form.noValidate = true
  for (const button of buttons) button.disabled = false

  const inputs = () => [...form.elements].filter((element) => element.name && element.type !== 'submit' && !element.closest('[hidden]'))

  function quiet() {
    endCountdown()
    trouble.hidden = true
    message.textContent = wait.textContent = ''
    inputs().forEach(absolve)
  }

  function fail(complaints) {
    for (const [input, sentence] of complaints) complain(input, sentence)
    complaints[0][0].focus()
  }

  function say(sentence) {
    trouble.hidden = false
    message.textContent = sentence
  }

  /** The button waits, and says for how long. */
  function hold(button, seconds) {
    const label = button.textContent
    const release = () => {
      button.textContent = label
      button.removeAttribute('aria-disabled')
    }
    button.setAttribute('aria-disabled', 'true')
    const tell = (left) => { button.textContent = text('common.tryAgainIn', { time: duration(left) }) }
    const stop = countdown(seconds, tell, () => {
      release()
      say(text('common.readyAgain'))
    })
    endCountdown = () => {
      stop()
      release()
    }
  }

  function waitOut(button, seconds) {
    const pause = Math.min(Math.max(seconds, 5 * 2 ** outages++), LONGEST_PAUSE)
    const tell = (left) => { wait.textContent = text('common.tryingAgainIn', { time: duration(left) }) }
    endCountdown = countdown(pause, tell, () => attempt(button))
  }

  function explain(error, button) {
    const { kind, seconds, fields, text: sentence, code } = failure(error)
    if (kind === 'cancelled') return button.focus()
    if (kind === 'refused' && onRefused(code)) return
    const input = fields.map((name) => form.elements.namedItem(name)).find((field) => field && !field.closest('[hidden]'))
    if (input) return fail([[input, sentence]])
    say(sentence)
    if (kind === 'throttled') hold(button, seconds)
    if (kind === 'outage' && isRepeatable) waitOut(button, seconds)
    button.focus()
  }

  async function attempt(button) {
    if (isBusy || button.getAttribute('aria-disabled') === 'true') return
    quiet()
    const needed = inputs().filter((input) => !button.dataset.needs || button.dataset.needs === input.name)
    const complaints = needed.map((input) => [input, flaw(input)]).filter(([, sentence]) => sentence)
    if (complaints.length) return fail(complaints)
    hide(form)
    isBusy = true
    const label = button.textContent
    button.setAttribute('aria-busy', 'true')
    button.textContent = button.dataset.busy ?? label
    try {
      await send(Object.fromEntries(inputs().map(({ name, type, value }) => [name, type === 'password' ? value : value.trim()])), button)
      outages = 0
      button.textContent = label
    } catch (error) {
      button.textContent = label
      explain(error, button)
    } finally {
      isBusy = false
      button.removeAttribute('aria-busy')
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(event.submitter ?? buttons[0])
  })
  form.addEventListener('input', (event) => {
    absolve(event.target)
    // Nothing half-typed is sent by itself.
    if (wait.textContent) endCountdown()
    wait.textContent = ''
  })
  return {
    reset() {
      quiet()
      hide(form)
      form.reset()
    },
    /** Another attempt with what was typed. */
    send: (button = buttons[0]) => attempt(button),
  }
}
