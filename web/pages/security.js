import { account } from './account.js'
import { authenticatorApp } from './authenticator_app.js'
import { createSession } from './client.js'
import { leaveWithSession } from './departure.js'
import { onceLoaded } from './loaded_page.js'
import { byId } from './page.js'
import { passkeyList } from './passkey_list.js'
import { proving } from './proof.js'
import { warnWhileUnreachable } from './reachability.js'
import { recoveryCodes } from './recovery_codes.js'
import { exactly } from './times.js'
import { trustedDevices } from './trusted_devices.js'
import { text } from './words.js'

const session = createSession()
const calls = account(proving(session))

const codes = recoveryCodes({ calls, session, reload })
const parts = [passkeyList({ calls, reload, codes }), authenticatorApp({ calls, reload, codes }), codes, trustedDevices({ calls, reload })]

/** None, where the service is at an address that can have none. */
const passkeysFound = () => calls.passkeys().catch((error) => {
  if (error.problem?.code !== 'passkeys_unavailable') throw error
  return { passkeys: [] }
})

/** A change of one factor may change the others. */
async function reload() {
  const [factors, passkeys, trusted] = await Promise.all([calls.factors(), passkeysFound(), calls.trustedDevices()])
  const found = { factors, ...passkeys, ...trusted }
  byId('factor-needed').hidden = !factors.second_factor_needed
  showPlanned(factors.reset_due_at)
  for (const part of parts) part.show(found)
}

/** An administrator wants all factors removed at this time, if at any. */
function showPlanned(dueAt) {
  const notice = byId('reset-planned')
  notice.hidden = !dueAt
  if (dueAt) notice.querySelector('p').textContent = text('security.planned', { when: exactly(dueAt) })
}

byId('keep').addEventListener('click', () => calls.keepFactors().then(reload, reload))

const load = onceLoaded(reload)

byId('log-out').addEventListener('click', () => session.logout())
leaveWithSession(session, { comesBack: true })
warnWhileUnreachable(session)
session.ready().then(({ phase }) => { if (phase === 'in') load() })
