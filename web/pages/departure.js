// Leaving a page that shows what is private: nothing of it stays on screen, nor comes back with the Back button.

let reason

function clear() {
  document.body.hidden = true
}

/** Says `why` there, and leads to `back` afterwards. */
function goToLogin(why, back) {
  const query = new URLSearchParams({ ...(why && { why }), ...(back && { return_to: back }) })
  clear()
  location.replace(query.size ? `/login?${query}` : '/login')
}

/** Does `what` ends the session, and says `why` at the login if that succeeds. */
export async function leaving(why, what) {
  reason = why
  try {
    await what()
  } finally {
    reason = undefined
  }
  goToLogin(why)
}

/**
 * Leads to the login when the session is over, and begins anew when it is somebody else's. With `comesBack`, the login leads back here,
 * except after a logout in this window.
 */
export function leaveWithSession(session, { comesBack = false } = {}) {
  // A logout that another tab, or this one before, has not told the server yet is known at once: nothing changes any more.
  if (session.state.phase === 'out') goToLogin(session.state.reason)
  session.onChange(({ phase, reason: found }, was) => {
    // A first visit has no session either, and needs no explanation.
    const isFirst = was.phase === 'unknown' && found === 'invalid_refresh_token'
    if (phase === 'out') goToLogin(isFirst ? '' : reason ?? found, comesBack && found !== 'logout' && location.href)
    else if (found === 'switched') {
      clear()
      location.reload()
    }
  })
  // A page out of the back/forward cache may belong to somebody who has logged out since.
  addEventListener('pagehide', clear)
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload() })
}
