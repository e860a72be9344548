// The user's passkeys: made, named, removed.

import { confirmed } from './confirmation.js'
import { deviceName } from './device_name.js'
import { open } from './dialog.js'
import { complain } from './field.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { hasPasskeys, made, tell } from './passkey.js'
import { moment, onDay } from './times.js'
import { apart, sentence, text } from './words.js'

export function passkeyList({ calls, reload, codes }) {
  const dialog = byId('passkey-dialog')
  const name = byId('passkey-name')
  const note = byId('passkeys-note')
  const title = byId('passkeys-title')
  /** What the open dialog is for. It answers what is left to do once the dialog is closed, or nothing if it stays open. */
  let act

  const form = bind(dialog.querySelector('form'), async (values) => {
    const then = await act(values.name)
    if (!then) return
    dialog.close()
    then()
  })

  function ask(kind, values, suggested, what) {
    act = what
    // A new one may be named after whoever keeps it.
    name.required = kind === 'rename'
    note.textContent = ''
    byId('passkey-dialog-title').textContent = text(`security.passkeys.${kind}Title`, values)
    byId('passkey-dialog-effect').textContent = text(`security.passkeys.${kind}Effect`)
    byId('passkey-dialog-action').textContent = text(`security.passkeys.${kind}Action`)
    open(dialog, { onClose: form.reset, instead: title })
    name.value = suggested
    name.select()
  }

  async function done(told) {
    await reload()
    note.textContent = told
  }

  async function add(chosen) {
    const options = await calls.passkeyOptions()
    let passkey
    try {
      passkey = await made(options)
    } catch (error) {
      if (!(error instanceof DOMException)) throw error
      // Not a mistake: something to know.
      complain(name, text(`security.passkeys.${error.name === 'InvalidStateError' ? 'known' : 'notMade'}`))
      return
    }
    const answer = await calls.addPasskey({ ...passkey, ...(chosen && { name: chosen }) })
    await done(text('security.passkeys.added', { name: answer.passkey.name || text('security.passkeys.unnamed') }))
    return () => { if (answer.recovery_codes) codes.hand(answer.recovery_codes) }
  }

  function row(passkey) {
    const item = byId('passkey').content.cloneNode(true).firstElementChild
    const part = (name) => item.querySelector(`[data-${name}]`)
    const called = passkey.name || text('security.passkeys.unnamed')
    const { created_at: added, last_used_at: used } = passkey
    part('name').replaceChildren(apart(called))
    const kept = text(`security.passkeys.${passkey.backed_up ? 'synced' : 'single'}`)
    part('kept').textContent = [passkey.provider, kept].filter(Boolean).join(' · ')
    const when = { added: onDay(added), used: used && moment(used) }
    part('used').append(sentence(`security.passkeys.${used ? 'used' : 'unused'}`, when))
    part('rename').setAttribute('aria-label', text('security.passkeys.renameNamed', { name: called }))
    part('remove').setAttribute('aria-label', text('security.removeNamed', { name: called }))
    part('rename').addEventListener('click', () => ask('rename', { name: called }, passkey.name ?? '', async (chosen) => {
      await calls.renamePasskey(passkey.id, chosen)
      await done(text('security.passkeys.renamed', { name: chosen }))
      return () => {}
    }))
    part('remove').addEventListener('click', () => confirmed({
      title: text('security.passkeys.removeTitle', { name: called }),
      effect: text('security.passkeys.removeEffect'),
      action: text('security.remove'),
      instead: title,
    }, async () => {
      await calls.removePasskey(passkey.id)
      await done(text('security.passkeys.removed', { name: called }))
    }))
    return item
  }

  byId('add-passkey').addEventListener('click', () => ask('add', {}, deviceName(navigator.userAgent), add))

  return {
    show({ passkeys, accepted }) {
      byId('passkeys').replaceChildren(...passkeys.map(row))
      byId('passkeys').hidden = passkeys.length === 0
      byId('no-passkeys').hidden = passkeys.length > 0
      byId('may-add').hidden = !hasPasskeys
      byId('cannot-add').hidden = hasPasskeys
      // What was removed here, or elsewhere, is not offered by the browser any more.
      if (!accepted) return
      const { rp_id: rpId, user_id: userId, credential_ids: allAcceptedCredentialIds } = accepted
      tell('AllAcceptedCredentials', { rpId, userId, allAcceptedCredentialIds })
    },
  }
}
