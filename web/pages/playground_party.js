// The victim's browser, or the thief: the tokens that it has.

import { countdown } from './countdown.js'
import { payloadOf } from './playground_token.js'

export function party(name, changed) {
  let tokens = null
  let left = 0
  let stop = () => {}
  return {
    name,
    get tokens() { return tokens },
    get session() { return tokens && payloadOf(tokens.refresh).sid },
    /** Seconds until the access token expires. */
    get left() { return left },
    /** The tokens of an answer. Their lifetime counts from when they were asked for. */
    take({ json, sent }) {
      stop()
      tokens = { access: json.access_token, refresh: json.refresh_token }
      const tick = (seconds) => {
        left = seconds
        changed()
      }
      stop = countdown(json.expires_in - (performance.now() - sent) / 1000, tick, () => tick(0))
    },
    /** A refresh token by itself, which is all that a thief needs. */
    steal(refresh) {
      stop()
      left = 0
      tokens = { access: null, refresh }
    },
    drop() {
      stop()
      tokens = null
    },
  }
}
