import { createSession } from '/client.js'

const { login, inside, greeting, logout, notice } = Object.fromEntries([...document.querySelectorAll('[id]')].map((element) => [element.id, element]))
const session = createSession()

async function show() {
  const { phase, reachable } = session.state
  login.hidden = phase !== 'out'
  inside.hidden = phase !== 'in'
  greeting.textContent = ''
  notice.textContent = reachable ? '' : 'No connection. Trying again.'
  if (phase === 'in') greeting.textContent = await session.user().then(({ email }) => `Logged in as ${email}`, sayWhy)
}

function sayWhy(error) {
  // The state has changed already, and show() with it.
  if (error.name === 'SessionEnded') return ''
  notice.textContent = error.name === 'NotNow' ? 'Try again in a moment.' : (error.problem?.detail ?? 'Something went wrong.')
  return ''
}

session.onChange(show)
show()
logout.onclick = session.logout
login.onsubmit = (event) => {
  event.preventDefault()
  session.login(Object.fromEntries(new FormData(login))).catch(sayWhy)
}
