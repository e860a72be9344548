// Begins with an account that somebody has. Loaded where none can be made: its form needs more than the rest of the page.

import { NotNow, Refused } from './client.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { isNotNow, isOk } from './playground_call.js'

/** `logIn(account)` answers what the service did, and `begin(account)` goes on. */
export function ownAccount({ logIn, begin }) {
  const form = bind(byId('own'), async (account) => {
    const answer = await logIn(account)
    const { status, retryAfter, json } = answer
    if (isNotNow(answer)) throw new NotNow({ status, retryAfter, code: json?.code ?? null })
    if (!isOk(answer)) throw new Refused({ problem: json })
    form.reset()
    begin(account)
  })
}
