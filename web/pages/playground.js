// Sessions to play with: real calls, whose tokens travel in bodies, and are kept nowhere but in this page.

import { byId } from './page.js'
import { show } from './playground_board.js'
import { call, isNotNow, isOk } from './playground_call.js'
import { game } from './playground_game.js'
import { beginAct, forget, tell } from './playground_log.js'
import { story } from './playground_story.js'
import { text } from './words.js'

const play = game({ tell, changed })
const guide = story(play, run)
const demo = byId('demo')
let isBusy = false

function changed() {
  if (!play.record) return
  show(play)
  guide.show()
}

/** One act at a time. */
async function run(button, act) {
  if (isBusy) return
  isBusy = true
  button.setAttribute('aria-busy', 'true')
  try {
    await act()
  } finally {
    isBusy = false
    button.removeAttribute('aria-busy')
  }
}

const note = (sentence) => { byId('begin-note').textContent = sentence }

function begin(account) {
  note('')
  byId('account').textContent = account.email
  byId('stop').textContent = text(account.isOurs ? 'playground.stop.remove' : 'playground.stop.logOut')
  byId('begin').hidden = true
  byId('play').hidden = false
  guide.begin()
  show(play)
  byId('service-title').focus()
}

async function askForOwn() {
  try {
    const { ownAccount } = await import('./playground_own.js')
    ownAccount({ logIn: play.logIn, begin })
  } catch {
    byId('unreachable').hidden = false
    return
  }
  if (demo) demo.hidden = true
  byId('own').hidden = false
}

const random = () => crypto.randomUUID().replaceAll('-', '')

async function beginDemo() {
  const account = { email: `playground-${random().slice(0, 10)}@example.com`, password: `${random()}-Jeton`, isOurs: true }
  const { email, password } = account
  const made = await call('POST', '/auth/register', { body: { email, password } })
  if (isNotNow(made)) return note(play.explained(made))
  if (made.status !== 201) {
    // Whoever registers here must prove the address, or may not.
    note(text('playground.begin.noDemo'))
    await askForOwn()
    return byId('email').focus()
  }
  const answer = await play.logIn(account)
  if (isOk(answer)) begin(account)
  else note(play.explained(answer))
}

async function stop() {
  const stopped = play.isOurs ? 'removed' : 'loggedOut'
  if (!(await play.stop())) return
  note(text(`playground.stop.${stopped}`))
  play.end()
  forget()
  byId('play').hidden = true
  byId('begin').hidden = false
  byId('begin-title').focus()
}

for (const button of document.querySelectorAll('[data-act]')) {
  const { act } = button.dataset
  const who = button.closest('[data-party]').dataset.party
  button.addEventListener('click', () => run(button, () => {
    beginAct()
    return act === 'logIn' ? play.logIn() : play[act](who)
  }))
}
byId('stop').addEventListener('click', () => run(byId('stop'), stop))

if (demo) {
  byId('begin-demo').disabled = false
  byId('begin-demo').addEventListener('click', () => run(byId('begin-demo'), beginDemo))
} else askForOwn()
