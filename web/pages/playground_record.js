// What the service remembers of a session, as far as its answers show it: the rule table of docs/session-protocol.md from outside.

import { isOk } from './playground_call.js'
import { payloadOf } from './playground_token.js'
import { youthOf } from './playground_youth.js'

/** The record of a session that begins with this token. Like the service's, it is not young before the first exchange. */
export function recordOf(first, changed) {
  const youth = youthOf(changed)
  const { sid, fam } = payloadOf(first)
  const known = new Set([first])
  const earlier = []
  let family = fam
  let newest = [first]
  let isOver = false

  /** The row of the table that a token falls under. */
  function row({ jti, fam: own }) {
    if (own === family) return 2
    if (jti === family) return 3
    return earlier.includes(own) ? 4 : 7
  }

  function exchanged(given) {
    known.add(given)
    if (payloadOf(given).fam === family) newest.push(given)
    else {
      earlier.unshift(family)
      earlier.length = Math.min(earlier.length, 2)
      family = payloadOf(given).fam
      newest = [given]
    }
    youth.begin()
  }

  return {
    session: sid,
    youth,
    get newest() { return newest },
    get isOver() { return isOver },
    end() {
      isOver = true
      youth.end()
    },
    /** The row that decided, and what it said; nothing if none was asked. The page need not know how long the window is. */
    judge(used, answer) {
      const at = row(payloadOf(used))
      if (answer.json?.code === 'refresh_reused') return { row: at, when: 'later', outcome: 'Reuse' }
      if (!isOk(answer)) return null
      const given = answer.json.refresh_token
      if (known.has(given)) return { row: at, when: 'young', outcome: 'Replay' }
      exchanged(given)
      if (at === 2) return { row: 2, when: 'later', outcome: 'Rotate' }
      if (at === 3) return { row: 3, when: 'later', outcome: 'Retry' }
      // Nobody else gets a new token, unless the store has lost what it knew.
      return { row: 1, when: 'later', outcome: 'Adopt' }
    },
  }
}
