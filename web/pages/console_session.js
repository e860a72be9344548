// Who looks at the console, and what this person may do.

import { createSession } from './client.js'
import { scopesOf } from './rights.js'

export const session = createSession()
export const { call } = session

let scopes = []

export const may = (scope) => scopes.includes(scope)

/** Rights change with the user's roles: looked at again with each view. */
export async function learnRights() {
  scopes = await scopesOf(session)
}
