// What may be done about a user, each in a dialog. Loaded when one of them is opened.

import { Refused } from './client.js'
import { confirmed } from './confirmation.js'
import { say } from './console_parts.js'
import { address, go } from './console_routes.js'
import { call } from './console_session.js'
import { open } from './dialog.js'
import { complain } from './field.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { offerRoles, rolesOf } from './roles_field.js'
import { exactly } from './times.js'
import { text } from './words.js'

/** Whom the open dialog is about, and how to show the user anew. */
let user
let reload

const nameOf = ({ name, email }) => name ?? email
const heading = () => byId('view').querySelector('h1')
const path = (...rest) => ['/admin/users', ...[user.id, ...rest].map(encodeURIComponent)].join('/')

/** Does `what`, then `done`. A user who was changed meanwhile is shown anew, and nothing else is done. */
async function acting(what, done) {
  try {
    await what()
  } catch (error) {
    if (error.problem?.code !== 'user_changed') throw error
    await reload()
    return say(text('console.user.changedMeanwhile'))
  }
  await done()
}

const shown = (told) => async () => {
  await reload()
  say(told)
}

/** A change replaces whole values. So it is sent only if they are still what the person saw: it would bring back what somebody else has removed. */
async function replace(fields) {
  const now = await call('GET', path())
  const isAnother = (name) => JSON.stringify(now[name]) !== JSON.stringify(user[name])
  if (Object.keys(fields).some(isAnother)) throw new Refused({ problem: { code: 'user_changed' } })
  return call('PATCH', path(), fields)
}

const change = (fields, told) => acting(() => replace(fields), shown(text(told)))

/** A dialog with the title `title`; `send` answers false if there is something to correct. */
function prepared(id, title, fill, send) {
  const dialog = byId(id)
  const form = dialog.querySelector('form')
  const { reset: empty } = bind(form, async () => {
    if (await send(form) !== false) dialog.close()
  })
  return (context) => {
    ({ user, reload } = context)
    dialog.querySelector('h2').textContent = text(title, { name: nameOf(user) })
    fill(form)
    open(dialog, { onClose: empty, instead: heading() })
  }
}

export const roles = prepared(
  'roles-dialog',
  'console.roles.of',
  (form) => offerRoles(form, user.roles),
  (form) => change({ roles: rolesOf(form) }, 'console.roles.changed'),
)

function parsed(written) {
  try {
    const value = JSON.parse(written.trim() || '{}')
    if (value && typeof value === 'object' && !Array.isArray(value)) return { value }
    return { flaw: text('console.custom.noObject') }
  } catch ({ message }) {
    return { flaw: text('console.custom.noJson', { message }) }
  }
}

export const custom = prepared(
  'custom-dialog',
  'console.custom.of',
  (form) => { form.elements.custom.value = JSON.stringify(user.custom, null, 2) },
  (form) => {
    const field = form.elements.custom
    const { value, flaw } = parsed(field.value)
    if (!flaw) return change({ custom: value }, 'console.custom.changed')
    complain(field, flaw)
    field.focus()
    return false
  },
)

/** Asks, with the texts of `kind`, before something is done. */
function ask(kind, context, what, { action = text(`console.user.${kind}`), isHarmless = false, device, done } = {}) {
  ({ user, reload } = context)
  const values = { name: nameOf(user), address: user.email, device }
  confirmed({
    title: text(`console.user.${kind}Title`, values),
    effect: text(`console.user.${kind}Effect`, values),
    action,
    instead: heading(),
  }, () => acting(what, done ?? shown(text(`console.user.${kind}Done`, values))))
  byId('confirmation-action').classList.toggle('danger', !isHarmless)
}

export const reset = (context) => ask('reset', context, () => call('POST', path('reset')), { isHarmless: true })

export function disable(context) {
  const disabled = !context.user.disabled
  ask(disabled ? 'disable' : 'enable', context, () => call('PATCH', path(), { disabled }), { isHarmless: !disabled })
}

export const endAll = (context) => ask('endAll', context, () => call('DELETE', path('sessions')))

export const endOne = (context) =>
  ask('endOne', context, () => call('DELETE', path('sessions', context.session)), { device: context.device })

/** Done at once, or after the delay in which the user can stop it. */
export function factors(context) {
  let due
  const removed = async () => { ({ due_at: due } = await call('DELETE', path('factors'))) }
  ask('factors', context, removed, {
    async done() {
      const isLater = new Date(due) > Date.now()
      const name = nameOf(user)
      await shown(isLater ? text('console.factors.later', { name, when: exactly(due) }) : text('console.user.factorsDone', { name }))()
    },
  })
}

export const remove = (context) => ask('delete', context, () => call('DELETE', path()), {
  action: text('console.user.deleteForGood'),
  done() {
    go(address({ view: 'users' }))
    say(text('console.user.deleted', { name: nameOf(user) }))
  },
})
