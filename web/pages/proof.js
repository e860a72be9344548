// Calls that want to be shown once more who the person is: asked for in a dialog, and then they go on.

import { AuthenticationInsufficient } from './client.js'
import { Cancelled } from './failures.js'
import { onDemand } from './on_demand.js'

/** The same session; what its calls ask for is asked of the person. Whoever cancels gets `Cancelled`, and nothing was done. */
export function proving(session) {
  async function call(method, path, body) {
    try {
      return await session.call(method, path, body)
    } catch (error) {
      if (!(error instanceof AuthenticationInsufficient)) throw error
      const { proven } = await onDemand(import('./reauthentication.js'))
      // Nobody types the same password twice.
      if (!await proven(session, body?.password ?? body?.current)) throw new Cancelled()
      return call(method, path, body)
    }
  }
  return Object.assign(Object.create(session), { call })
}
