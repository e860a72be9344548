// An outage is said to be one.

import { byId } from './page.js'

export function warnWhileUnreachable(session) {
  const look = ({ reachable }) => { byId('unreachable').hidden = reachable }
  session.onChange(look)
  look(session.state)
}
