/** Calls `look` again and again, `seconds` after it was done, while the page is seen and `signal` has not ended it. */
export function whileVisible(seconds, signal, look) {
  let timer
  let isLooking = false
  const plan = () => { if (!signal.aborted) timer = setTimeout(step, seconds * 1000) }
  async function step() {
    clearTimeout(timer)
    if (isLooking || document.visibilityState === 'hidden') return
    isLooking = true
    await look()
    isLooking = false
    plan()
  }
  signal.addEventListener('abort', () => clearTimeout(timer))
  document.addEventListener('visibilitychange', step, { signal })
  plan()
}
