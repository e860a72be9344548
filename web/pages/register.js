import { bind } from './form.js'
import { mailCode } from './mail_code.js'
import { byId, language } from './page.js'
import { goOnOnceSignedIn, session } from './sign_in.js'
import { show, step } from './steps.js'

const values = () => {
  const [email, name] = ['email', 'name'].map((id) => byId(id).value.trim())
  return { email, password: byId('password').value, ...(name && { name }), language }
}

function register() {
  const ask = () => session.register(values())
  const code = mailCode(step('code'), { ask, confirm: session.confirm, other: () => show('ask') })
  bind(byId('register'), async () => {
    const { email, password } = values()
    const answer = await ask()
    if (!answer.flow) return session.login({ email, password })
    code.begin(answer, email)
    show('code')
  })
  show('ask')
}

// Where nobody may register by themselves, the page says so and has no form.
if (byId('register')) register()
goOnOnceSignedIn()
