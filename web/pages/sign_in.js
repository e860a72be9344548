// The session of a page that signs somebody in, and then goes on; so it does when that happens in another tab.

import { createSession } from './client.js'
import { warnWhileUnreachable } from './reachability.js'
import { destination } from './return_to.js'

export const session = createSession()

export const goOn = () => location.replace(destination)

export function goOnOnceSignedIn() {
  const look = ({ phase }) => { if (phase === 'in') goOn() }
  session.onChange(look)
  session.ready().then(look)
  warnWhileUnreachable(session)
}
