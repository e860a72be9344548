// Who is invited, and has not come yet.

import { loading, made, onDemand, say, showPages, userLink } from './console_parts.js'
import { query } from './console_routes.js'
import { call } from './console_session.js'
import { offerNewUsers } from './new_user_buttons.js'
import { byId } from './page.js'
import { moment } from './times.js'
import { rolesShown } from './user_marks.js'
import { apart, text } from './words.js'

export const begin = offerNewUsers

export async function show(view, signal) {
  const part = view.querySelector('[data-part]')
  const cursor = query().get('cursor')
  const load = () => call('GET', `/admin/invitations${cursor ? `?${new URLSearchParams({ cursor })}` : ''}`)
  let reload

  const revoke = ({ id, email }) => onDemand(() => import('./confirmation.js'), ({ confirmed }) => {
    confirmed({
      title: text('console.invitations.revokeTitle', { address: email }),
      effect: text('console.invitations.revokeEffect'),
      action: text('console.invitations.revoke'),
      instead: view.querySelector('h1'),
    }, async () => {
      await call('DELETE', `/admin/invitations/${encodeURIComponent(id)}`)
      await reload()
      say(text('console.invitations.revoked', { address: email }))
    })
    byId('confirmation-action').classList.add('danger')
  })

  function row(invitation) {
    const [element, cell] = made('invitation')
    const button = cell('revoke')
    cell('address').append(apart(invitation.email))
    cell('roles').append(...rolesShown(invitation.roles))
    if (invitation.invited_by) cell('by').append(userLink(invitation.invited_by))
    cell('until').append(moment(invitation.expires_at))
    button?.setAttribute('aria-label', `${button.textContent}: ${invitation.email}`)
    button?.addEventListener('click', () => revoke(invitation))
    return element
  }

  reload = await loading(part, signal, load, ({ invitations, next }) => {
    const table = part.querySelector('table')
    table.tBodies[0].replaceChildren(...invitations.map(row))
    table.hidden = invitations.length === 0
    part.querySelector('[data-empty]').hidden = invitations.length > 0
    showPages(part, next)
  })
}
