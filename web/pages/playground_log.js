// What was done and answered: the last act beside the rule table, and all of them in the log, newest first.

import { byId } from './page.js'
import { text } from './words.js'

const rules = document.querySelector('.rules')

function entry({ who, request, status, code, sentence, verdict, raw }) {
  const element = byId('entry').content.cloneNode(true).firstElementChild
  const part = (name) => element.querySelector(`[data-${name}]`)
  part('who').textContent = text(`playground.who.${who}`)
  part('request').textContent = request ?? ''
  part('status').textContent = request ? [status ?? text('playground.noAnswer'), code].filter(Boolean).join(' ') : ''
  part('sentence').textContent = sentence
  element.dataset.kind = status === null ? 'away' : status >= 400 ? 'refused' : 'ok'
  if (verdict) {
    const { row, when, outcome } = verdict
    part('verdict').textContent = text('playground.verdict', { row, when: text(`playground.rules.${when}`), outcome })
  } else part('verdict').remove()
  if (raw) part('raw').textContent = raw
  else element.querySelector('details').remove()
  return element
}

/** The row that decided, and the cell. */
function mark(verdict) {
  for (const cell of rules.querySelectorAll('.decided')) cell.classList.remove('decided')
  rules.querySelector('[aria-current]')?.removeAttribute('aria-current')
  if (!verdict) return
  const row = rules.querySelector(`[data-row="${verdict.row}"]`)
  row.setAttribute('aria-current', 'true')
  row.cells[verdict.when === 'young' ? 2 : 3].classList.add('decided')
}

export function tell(done) {
  byId('log').prepend(entry(done))
  const short = entry(done)
  short.querySelector('details')?.remove()
  byId('told').append(short)
  mark(done.verdict)
}

/** Before an act, whose answers take the place of those before. */
export function beginAct() {
  byId('told').replaceChildren()
  mark(null)
}

export function forget() {
  beginAct()
  byId('log').replaceChildren()
}
