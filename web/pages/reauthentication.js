// The dialog in which somebody who is logged in shows once more who it is. Loaded when a call asks for it.

import { open } from './dialog.js'
import { bare, waysOf } from './factor_ways.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { hasPasskeys, shown, used } from './passkey.js'

const dialog = byId('reauthentication')
const passwordPart = byId('proof-password-part')
const choose = waysOf(dialog.querySelector('form'), (button) => form.send(button))
let session
let isProven
/** One dialog for all the calls that wait for it. */
let asking

async function proof({ password, totp, recovery_code: code }, isPasskey) {
  if (isPasskey) {
    const passkey = await shown(await session.call('POST', '/auth/reauthenticate/options'))
    return passkey && { passkey }
  }
  return { ...(password && { password }), ...(totp && { totp: bare(totp) }), ...(code && { recovery_code: bare(code).toUpperCase() }) }
}

const form = bind(dialog.querySelector('form'), async (values, button) => {
  const found = await proof(values, button.value === 'passkey')
  if (!found) return
  await used(found.passkey, () => session.reauthenticate(found))
  isProven = true
  dialog.close()
})

/** What the account has decides: a second factor is asked for beside the password, and a passkey is enough. */
function waysFor({ password, totp, passkeys, recovery_codes_left: codes }) {
  const hasPasskey = passkeys > 0 && hasPasskeys
  const hasSecond = Boolean(totp) || passkeys > 0
  return [totp && 'totp', hasPasskey && 'passkey', hasSecond && codes > 0 && 'recovery_code', !hasSecond && password && 'password'].filter(Boolean)
}

async function ask(password) {
  const [factors, { email }] = await Promise.all([session.call('GET', '/auth/factors'), session.user()])
  const ways = waysFor(factors)
  isProven = false
  return new Promise((resolve) => {
    open(dialog, { onClose: () => {
      form.reset()
      resolve(isProven)
    } })
    // For password managers.
    byId('proof-username').value = email
    byId('proof-password').value = password ?? ''
    passwordPart.firstElementChild.hidden = !factors.password
    choose(ways[0] ?? 'nothing', ways)
  })
}

/** Whether the person has shown it. `password` was typed already, if it was. */
export function proven(asked, password) {
  session = asked
  asking ??= ask(password).finally(() => { asking = null })
  return asking
}
