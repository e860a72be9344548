// Passkeys in place of the password. What does not work here is not missed: nobody is told of it.

import { countdown } from './countdown.js'
import { canOffer, shown, used } from './passkey.js'
import { session } from './sign_in.js'

/** Seconds ahead of the end of a challenge at which the next one is asked for. */
const AHEAD = 30

const challenge = () => session.post('/auth/login/passkey/options')

/** `begin` is called when somebody chooses one that is offered: it has `logIn` called. */
export function passkeyLogin(begin) {
  let offered = new AbortController()
  let chosen

  const stop = () => offered.abort()

  /** Among the addresses that the browser offers. */
  async function offer() {
    stop()
    offered = new AbortController()
    const { signal } = offered
    try {
      if (!await canOffer()) return
      const options = await challenge()
      if (signal.aborted) return
      const again = () => {
        if (!document.hidden) return offer()
        document.addEventListener('visibilitychange', offer, { once: true, signal })
      }
      signal.addEventListener('abort', countdown(Math.max(options.expires_in - AHEAD, AHEAD), () => {}, again))
      chosen = await shown(options, { mediation: 'conditional', signal })
      if (chosen) begin()
    } catch {}
  }

  /** With the one that was chosen, or else one that the browser asks for. If the person would rather not, nothing happens. */
  async function logIn() {
    // One question at a time.
    stop()
    const passkey = chosen ?? await challenge().then((options) => shown(options))
    chosen = null
    try {
      if (passkey) await used(passkey, session.loginPasskey)
    } finally {
      if (session.state.phase !== 'in') offer()
    }
  }

  return { offer, stop, logIn }
}
