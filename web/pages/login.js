import { account } from './account.js'
import { bind } from './form.js'
import { mailCode } from './mail_code.js'
import { byId, language } from './page.js'
import { hasPasskeys } from './passkey.js'
import { passkeyLogin } from './passkey_login.js'
import { secondStep } from './second_step.js'
import { goOnOnceSignedIn, session } from './sign_in.js'
import { show, step } from './steps.js'
import { has, sentence, text } from './words.js'

const address = () => byId('email').value.trim()
const askForCode = () => account(session).loginCode({ email: address(), language })
const another = () => show('ask')

/** One that is chosen in the field for the address logs in as the button does. */
const passkeys = passkeyLogin(() => form.send(byId('with-passkey')))

const second = secondStep({
  onBegin: passkeys.stop,
  startAgain(why) {
    byId('password').value = ''
    byId('why').hidden = true
    explain(why)
    another()
    passkeys.offer()
  },
})

const code = mailCode(step('code'), { ask: askForCode, confirm: (what) => second.after(() => session.confirm(what)), other: another })

async function logIn({ email, password }, button) {
  if (button.value === 'passkey') return passkeys.logIn()
  if (button.value !== 'code') return second.after(() => session.login({ email, password }))
  code.begin(await askForCode(), email)
  show('code')
}

/** The password was right, so that saying more gives nothing away. */
function explainUnverified(refusal) {
  if (refusal !== 'email_unverified') return false
  byId('unverified-sent').replaceChildren(sentence('login.unverified.sent', { address: address() }))
  show('unverified')
  return true
}

/** Why somebody who was signed in, or nearly so, is asked to log in. */
function explain(why) {
  if (!why || !has(`login.why.${why}`)) return
  byId('why').hidden = false
  byId('why').classList.toggle('danger', why === 'refresh_reused')
  byId('why').textContent = text(`login.why.${why}`)
}

const form = bind(byId('login'), logIn, { isRepeatable: true, onRefused: explainUnverified })
byId('again').addEventListener('click', () => {
  another()
  form.send()
})
byId('back').addEventListener('click', another)
explain(new URLSearchParams(location.search).get('why'))
show('ask')
byId('with-passkey').hidden = !hasPasskeys
session.ready().then(({ phase }) => { if (phase === 'out') passkeys.offer() })
goOnOnceSignedIn()
