// The second step of a login: after what the person knows, something that the person has.

import { countdown } from './countdown.js'
import { bare, waysOf } from './factor_ways.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { hasPasskeys, shown, used } from './passkey.js'
import { session } from './sign_in.js'
import { show } from './steps.js'

/** The login page, where it begins. */
export const startLoginAgain = (why) => location.assign(why ? `/login?${new URLSearchParams({ why })}` : '/login')

/**
 * `startAgain(why)` leads to where the login began; without `why`, the person has chosen so. `onBegin` is called when the step is shown, and
 * `goOn` once the person is logged in.
 */
export function secondStep({ startAgain, onBegin = () => {}, goOn = () => {} }) {
  let token
  let endLife = () => {}
  const choose = waysOf(byId('second-form'), (button) => form.send(button))

  async function proof({ totp, recovery_code: code }, button) {
    if (totp) return { totp: bare(totp) }
    if (code) return { recovery_code: bare(code).toUpperCase() }
    const passkey = button.value === 'passkey' && await shown(await session.post('/auth/login/passkey/options'))
    return passkey && { passkey }
  }

  const form = bind(byId('second-form'), async (values, button) => {
    const found = await proof(button.value === 'passkey' ? {} : values, button)
    if (!found) return
    const what = { second_factor_token: token, ...found, trust_device: byId('trust').checked }
    await used(what, session.loginSecondFactor)
    endLife()
    goOn()
  }, {
    onRefused(refusal) {
      if (refusal !== 'second_factor_expired') return false
      leave(refusal)
      return true
    },
  })

  function leave(why) {
    endLife()
    token = null
    form.reset()
    startAgain(why)
  }

  function begin({ second_factor_token: given, methods, expires_in: life }) {
    token = given
    onBegin()
    form.reset()
    const available = methods.filter((method) => method !== 'passkey' || hasPasskeys)
    show('second')
    choose(['totp', 'passkey', 'recovery_code'].find((way) => available.includes(way)), available)
    endLife()
    endLife = countdown(life, () => {}, () => leave('second_factor_expired'))
  }

  byId('start-login-again').addEventListener('click', () => leave())

  return {
    /** The state that `logIn` leads to; nothing if a second step is needed, which is shown then. */
    async after(logIn) {
      try {
        return await logIn()
      } catch (error) {
        if (error.problem?.code !== 'second_factor_required') throw error
        begin(error.problem)
      }
    },
  }
}
