// How long the newest tokens are still young: the replay window is open.

import { countdown } from './countdown.js'
import { settings } from './page.js'

export function youthOf(changed) {
  const length = settings.playground.replayWindow
  let left = null
  let stop = () => {}
  const tick = (seconds) => {
    left = seconds
    changed()
  }
  return {
    /** Seconds; null before the first exchange. */
    get left() { return left },
    /** Counted from the answer, which comes after the exchange. */
    begin() {
      stop()
      if (length > 0) stop = countdown(length, tick, () => tick(0))
      else tick(0)
    },
    end() {
      stop()
      left &&= 0
    },
  }
}
