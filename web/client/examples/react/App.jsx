import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { session, useSession } from './session.js'

function App() {
  const { phase, sessionId, reachable } = useSession()
  return (
    <>
      {!reachable && <p role="status">No connection. Trying again.</p>}
      {phase === 'out' && <Login />}
      {/* The key throws everything of the previous user away if another one logs in. */}
      {phase === 'in' && <Inside key={sessionId} />}
    </>
  )
}

function Login() {
  const [why, setWhy] = useState('')
  async function submit(event) {
    event.preventDefault()
    const who = Object.fromEntries(new FormData(event.target))
    await session.login(who).catch((error) => setWhy(error.name === 'Refused' ? error.problem.detail : 'Try again in a moment.'))
  }
  return (
    <form onSubmit={submit}>
      <label>E-mail <input name="email" type="email" autoComplete="username" required /></label>
      <label>Password <input name="password" type="password" autoComplete="current-password" required /></label>
      <button>Log in</button>
      <p role="alert">{why}</p>
    </form>
  )
}

function Inside() {
  const [user, setUser] = useState(null)
  useEffect(() => {
    let isCurrent = true
    // After SessionEnded the state has changed, and this is no longer shown.
    session.user().then((user) => isCurrent && setUser(user), () => {})
    return () => {
      isCurrent = false
    }
  }, [])
  return (
    <main>
      <p>{user && `Logged in as ${user.email}`}</p>
      <button onClick={session.logout}>Log out</button>
    </main>
  )
}

createRoot(document.querySelector('#root')).render(<StrictMode><App /></StrictMode>)
