/**
 * Calls `tick` with the whole seconds that are left, each second, and `done` at the end. The longer of two clocks counts: one of them
 * stands still while the machine sleeps, the other may be set back.
 */
export function countdown(seconds, tick, done) {
  const began = [performance.now(), Date.now()]
  const step = () => {
    const elapsed = Math.max(performance.now() - began[0], Date.now() - began[1])
    const left = Math.ceil(seconds - elapsed / 1000)
    if (left > 0) return tick(left)
    clearInterval(timer)
    done()
  }
  const timer = setInterval(step, 1000)
  tick(Math.ceil(seconds))
  return () => clearInterval(timer)
}
