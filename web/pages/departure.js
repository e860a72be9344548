// Leaving a page that shows what is private: nothing of it stays on screen, nor comes back with the Back button.

let reason

function clear() {
  document.body.hidden = true
}

function goToLogin(why) {
  clear()
  location.replace(`/login${why ? `?${new URLSearchParams({ why })}` : ''}`)
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

/** Leads to the login when the session is over, and begins anew when it is somebody else's. */
export function leaveWithSession(session) {
  // A logout that another tab, or this one before, has not told the server yet is known at once: nothing changes any more.
  if (session.state.phase === 'out') goToLogin(session.state.reason)
  session.onChange(({ phase, reason: found }, was) => {
    // A first visit has no session either, and needs no explanation.
    const isFirst = was.phase === 'unknown' && found === 'invalid_refresh_token'
    if (phase === 'out') goToLogin(isFirst ? '' : reason ?? found)
    else if (found === 'switched') {
      clear()
      location.reload()
    }
  })
  // A page out of the back/forward cache may belong to somebody who has logged out since.
  addEventListener('pagehide', clear)
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload() })
}
