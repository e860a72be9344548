import { account } from './account.js'
import { bind } from './form.js'
import { mailCode } from './mail_code.js'
import { byId, language } from './page.js'
import { secondStep, startLoginAgain } from './second_step.js'
import { goOnOnceSignedIn, session } from './sign_in.js'
import { show, step } from './steps.js'

const address = () => byId('email').value.trim()
const ask = () => account(session).forgotPassword({ email: address(), language })

/** Signs this window in if it asked; otherwise the password is set all the same. */
async function reset({ flow, code, new: chosen }) {
  const state = await second.after(() => session.resetPassword({ flow, code, new: chosen }))
  if (state && state.phase !== 'in') show('done')
}

const second = secondStep({ startAgain: startLoginAgain })
const code = mailCode(step('code'), { ask, confirm: reset, other: () => show('ask') })

bind(byId('forgot'), async ({ email }) => {
  const flow = await ask()
  code.begin(flow, email)
  byId('code-form').elements.namedItem('username').value = email
  show('code')
}, { isRepeatable: true })
show('ask')
goOnOnceSignedIn()
