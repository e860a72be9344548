// Who the user is, and the addresses of the account.

import { confirmed } from './confirmation.js'
import { open } from './dialog.js'
import { failure } from './failures.js'
import { bind } from './form.js'
import { onDemand } from './on_demand.js'
import { byId, language } from './page.js'
import { exactly, onDay } from './times.js'
import { apart, text } from './words.js'

const codes = () => onDemand(import('./address_code.js'))

export function profile({ session, calls }) {
  const dialog = byId('address-dialog')
  let user
  let kind

  const say = (sentence) => { byId('you-note').textContent = sentence }

  function show(fetched) {
    user = fetched
    const isVerified = user.email_verified
    if (user.name) byId('name').replaceChildren(apart(user.name))
    else byId('name').textContent = text('account.you.noName')
    byId('name').classList.toggle('muted', !user.name)
    byId('address').replaceChildren(apart(user.email))
    byId('verified').className = isVerified ? 'chip good' : 'chip warning'
    byId('verified').textContent = text(isVerified ? 'account.you.verified' : 'account.you.unverified')
    byId('verify').hidden = isVerified
    if (user.second_email) byId('second').replaceChildren(apart(user.second_email))
    else byId('second').textContent = text('account.you.noSecond')
    byId('second').classList.toggle('muted', !user.second_email)
    byId('set-second').textContent = text(user.second_email ? 'account.you.change' : 'account.you.add')
    byId('remove-second').hidden = !user.second_email
    byId('since').textContent = onDay(user.created_at)
    byId('since').title = exactly(user.created_at)
    for (const field of document.querySelectorAll('[name="username"]')) field.value = user.email
    byId('facts').hidden = false
  }

  const reload = async (sentence) => {
    show(await session.user())
    say(sentence)
  }

  async function verify() {
    say('')
    try {
      const ask = () => calls.verifyEmail({ language })
      const { awaitCode } = await codes()
      awaitCode(await ask(), user.email, { ask, confirm: session.confirm, done: () => reload(text('account.you.verifiedNow')) })
    } catch (error) {
      say(failure(error).text)
    }
  }

  const KINDS = {
    main: { ask: calls.changeEmail, title: 'changeTitle', effect: 'changeEffect', done: 'changed' },
    second: { ask: calls.setSecondEmail, title: 'secondTitle', effect: 'secondEffect', done: 'secondSet' },
  }

  function askForAddress(which) {
    kind = KINDS[which]
    say('')
    byId('address-dialog-title').textContent = text(`account.you.${kind.title}`)
    byId('address-effect').textContent = text(`account.you.${kind.effect}`)
    open(dialog, { onClose: form.reset })
  }

  const form = bind(dialog.querySelector('form'), async (values) => {
    const { ask, done } = kind
    const askAgain = () => ask({ ...values, language })
    const { awaitCode } = await codes()
    const flow = await askAgain()
    dialog.close()
    awaitCode(flow, values.new, {
      ask: askAgain,
      confirm: session.confirm,
      done: () => reload(text(`account.you.${done}`)),
      other: () => open(dialog, { onClose: form.reset }),
    })
  })

  byId('verify').addEventListener('click', verify)
  byId('change-address').addEventListener('click', () => askForAddress('main'))
  byId('set-second').addEventListener('click', () => askForAddress('second'))
  byId('remove-second').addEventListener('click', () => confirmed({
    title: text('account.you.removeTitle', { address: user.second_email }),
    effect: text('account.you.removeEffect'),
    action: text('account.you.remove'),
    asksForPassword: true,
    instead: byId('set-second'),
  }, async ({ password }) => {
    await calls.removeSecondEmail({ password })
    await reload(text('account.you.removed'))
  }))

  return { show }
}
