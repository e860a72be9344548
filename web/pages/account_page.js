import { account } from './account.js'
import { createSession } from './client.js'
import { countdown } from './countdown.js'
import { leaveWithSession } from './departure.js'
import { devices } from './devices.js'
import { failure } from './failures.js'
import { incidents } from './incidents.js'
import { ownData } from './own_data.js'
import { byId } from './page.js'
import { passwordChange } from './password_change.js'
import { profile } from './profile.js'
import { warnWhileUnreachable } from './reachability.js'
import { scopesOf } from './rights.js'
import { duration, text } from './words.js'

/** Seconds between attempts to load, at least. */
const PAUSE = 5

const session = createSession()
const calls = account(session)

const you = profile({ session, calls })
const list = devices({ session, calls, reload })
const found = incidents({ changePassword: passwordChange({ calls, reload }) })
let address = ''
ownData({ calls, address: () => address })

async function reload() {
  const { sessions, incidents: all } = await calls.sessions()
  list.show(sessions)
  found.show(all)
}

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
    const [user] = await Promise.all([session.user(), reload()])
    address = user.email
    you.show(user)
    succeed()
    byId('console').hidden = !(await scopesOf(session)).includes('users:read')
  } catch (error) {
    fail(error)
  }
}

byId('log-out').addEventListener('click', () => session.logout())
byId('reload').addEventListener('click', load)
leaveWithSession(session)
warnWhileUnreachable(session)
session.ready().then(({ phase }) => { if (phase === 'in') load() })
