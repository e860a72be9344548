// Who looks at the console, and what this person may do.

import { createSession } from './client.js'
import { proving } from './proof.js'
import { scopesOf } from './rights.js'

export const session = createSession()
export const { call } = proving(session)

let scopes = []

export const may = (scope) => scopes.includes(scope)

/** Rights change with the user's roles: looked at again with each view. */
export async function learnRights() {
  scopes = await scopesOf(session)
}

let hasLooked = false

/** The token in hand may name rights that are gone. If a new one names others, the page begins anew. */
export async function beginAnewWithOtherRights() {
  if (hasLooked) return
  hasLooked = true
  try {
    // No token lives for so long: so it is a new one.
    const newest = await scopesOf(session, { minValidity: Infinity })
    if (newest.join() !== scopes.join()) location.reload()
  } catch {
    hasLooked = false
  }
}
