import { account } from './account.js'
import { createSession } from './client.js'
import { leaveWithSession } from './departure.js'
import { devices } from './devices.js'
import { incidents } from './incidents.js'
import { ownData } from './own_data.js'
import { onceLoaded } from './loaded_page.js'
import { byId } from './page.js'
import { passwordChange } from './password_change.js'
import { profile } from './profile.js'
import { proving } from './proof.js'
import { warnWhileUnreachable } from './reachability.js'
import { scopesOf } from './rights.js'
import { onDay } from './times.js'
import { text } from './words.js'

const session = createSession()
const calls = account(proving(session))

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

/** What protects the account; changed on a page of its own. */
function showFactors({ passkeys, totp, recovery_codes_left: codes, second_factor_needed: isNeeded }) {
  const none = text('account.security.none')
  byId('factor-needed').hidden = !isNeeded
  byId('factor-passkeys').textContent = passkeys ? text('account.security.passkeys', { count: passkeys }) : none
  byId('factor-app').textContent = totp ? text('account.security.on', { day: onDay(totp.confirmed_at) }) : text('account.security.off')
  byId('factor-codes').textContent = passkeys || totp ? text('account.security.codes', { count: codes }) : none
  byId('factors').hidden = false
}

/** Nothing, where a replica of an earlier version answers. */
const factorsFound = () => calls.factors().catch((error) => { if (error.problem?.code !== 'not_found') throw error })

const load = onceLoaded(async () => {
  const [user, factors] = await Promise.all([session.user(), factorsFound(), reload()])
  address = user.email
  you.show(user)
  if (factors) showFactors(factors)
  return async () => { byId('console').hidden = !(await scopesOf(session)).includes('users:read') }
})

byId('log-out').addEventListener('click', () => session.logout())
leaveWithSession(session)
warnWhileUnreachable(session)
session.ready().then(({ phase }) => { if (phase === 'in') load() })
