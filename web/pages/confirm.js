// Where the links of mails lead. Nothing happens before a person presses the button: mail scanners open links and run their scripts.

import { bind } from './form.js'
import { byId } from './page.js'
import { secondStep, startLoginAgain } from './second_step.js'
import { session } from './sign_in.js'
import { show } from './steps.js'
import { has, text } from './words.js'

const PURPOSES = ['register', 'reset', 'verify', 'login', 'invite', 'change_email', 'undo_email', 'second_email']
/** What is left to do after each, where it is not a look at the account. */
const NEXT = { reset: '/login', undo_email: '/forgot' }

/** Where a mail like this one is asked for. Whoever has another one needs somebody else. */
const ASKED_FOR = {
  register: '/register',
  reset: '/forgot',
  login: '/login',
  verify: '/account',
  change_email: '/account',
  second_email: '/account',
}

const link = new URLSearchParams(location.search)
const [flow, code] = [link.get('flow'), link.get('code')]
const purpose = PURPOSES.includes(link.get('for')) ? link.get('for') : 'unknown'

/** The code leaves the address bar and the history. */
function hideCode() {
  link.delete('code')
  history.replaceState(null, '', link.size ? `?${link}` : location.pathname)
}

const asksFor = (part) => { byId(`${part}-part`).hidden = false }

/** To where what was done can be seen, or goes on. */
function leadOn(link) {
  link.textContent = text(`confirm.${purpose}.next`)
  link.href = NEXT[purpose] ?? '/account'
}

const goToAccount = () => location.replace('/account')
const second = secondStep({ startAgain: startLoginAgain, goOn: goToAccount })

async function confirm({ code: typed, name, password }) {
  const shown = { flow, code: typed ?? code }
  const before = session.state.sessionId
  const state = await second.after(() => (purpose === 'reset'
    ? session.resetPassword({ ...shown, new: password })
    : session.confirm({ ...shown, ...(password && { password }), ...(name && { name }) })))
  if (!state) return
  if (state.sessionId !== before) return goToAccount()
  byId('done-title').textContent = text(`confirm.${purpose}.doneTitle`)
  byId('done').textContent = text(`confirm.${purpose}.done`)
  leadOn(byId('next'))
  show('done')
}

function sayOver(refusal) {
  // An answer may have been lost, and browsers repeat some requests by themselves: then the code was used here, and it has worked.
  const mayHaveWorked = refusal === 'code_spent'
  byId('over').textContent = text(`confirm.over.${refusal}`)
  byId('look').hidden = !mayHaveWorked
  leadOn(byId('look').firstElementChild)
  const todo = `confirm.over.${purpose}`
  byId('over-todo').hidden = !has(todo)
  if (has(todo)) byId('over-todo').textContent = text(todo)
  byId('start-again').hidden = !(purpose in ASKED_FOR)
  byId('start-again').firstElementChild.href = ASKED_FOR[purpose]
  byId('start-again').firstElementChild.classList.toggle('primary', !mayHaveWorked)
  show('over')
}

function onRefused(refusal) {
  if (refusal === 'other_client') {
    byId('shown-code').textContent = code ?? byId('code').value
    show('elsewhere')
    return true
  }
  if (refusal === 'code_expired' || refusal === 'code_spent') {
    sayOver(refusal)
    return true
  }
  // Only now is it known that the link is an invitation.
  if (refusal === 'password_required' && byId('password-part').hidden) {
    asksFor('name')
    asksFor('password')
    byId('password').focus()
    return true
  }
  return false
}

function begin() {
  byId('title').textContent = text(`confirm.${purpose}.title`)
  byId('effect').textContent = text(`confirm.${purpose}.effect`)
  byId('action').textContent = text(`confirm.${purpose}.action`)
  byId('stranger').textContent = text(`confirm.${purpose}.stranger`)
  if (!code || purpose === 'unknown') {
    asksFor('code')
    byId('code').value = code
  }
  if (purpose === 'invite') asksFor('name')
  if (['invite', 'reset'].includes(purpose)) asksFor('password')
  bind(byId('confirm'), confirm, { onRefused })
  show('ask')
}

hideCode()
if (flow) begin()
else show('incomplete')
