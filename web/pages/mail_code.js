// The step in which the code of a mail is typed, in the window that asked for it.

import { countdown } from './countdown.js'
import { failure } from './failures.js'
import { bind } from './form.js'
import { duration, sentence, text } from './words.js'

/** One mail a minute is sent to an address. */
const PAUSE = 60

/**
 * `ask` has the mail sent again and answers the flow, `confirm({flow, code, …})` brings the code back, `other` is for another address.
 */
export function mailCode(section, { ask, confirm, other }) {
  const part = (name) => section.querySelector(`[data-${name}]`)
  const [sentTo, lifetime, again, note] = ['sent-to', 'lifetime', 'again', 'note'].map(part)
  const label = again.textContent
  let flow
  let endPause = () => {}
  let endLife = () => {}
  const form = bind(section.querySelector('form'), (values) => confirm({ ...values, flow: flow.flow }))

  function pause(seconds) {
    endPause()
    again.setAttribute('aria-disabled', 'true')
    endPause = countdown(seconds, (left) => { again.textContent = text('common.code.againIn', { time: duration(left) }) }, () => {
      again.textContent = label
      again.removeAttribute('aria-disabled')
    })
  }

  function live(newFlow) {
    flow = newFlow
    lifetime.textContent = text('common.code.lifetime', { time: duration(flow.expires_in) })
    endLife()
    endLife = countdown(flow.expires_in, () => {}, () => { lifetime.textContent = text('errors.code_expired') })
    pause(PAUSE)
  }

  again.addEventListener('click', async () => {
    if (again.getAttribute('aria-disabled') === 'true') return
    again.setAttribute('aria-disabled', 'true')
    note.textContent = ''
    try {
      live(await ask())
      note.textContent = text('common.code.sentAgain')
    } catch (error) {
      const { seconds = 0, text: reason } = failure(error)
      note.textContent = reason
      pause(seconds)
    }
  })
  part('other').addEventListener('click', () => {
    endPause()
    endLife()
    other()
  })

  return {
    begin(newFlow, address) {
      form.reset()
      note.textContent = ''
      sentTo.replaceChildren(sentence(sentTo.dataset.sentTo, { address }))
      live(newFlow)
    },
  }
}
