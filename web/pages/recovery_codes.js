// Codes for when everything else is lost. They are shown once, when they are made.

import { confirmed } from './confirmation.js'
import { open } from './dialog.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { onPress } from './pressed.js'
import { save } from './save.js'
import { onDay } from './times.js'
import { text } from './words.js'

/** As many are worth a warning. */
const FEW = 3

export function recoveryCodes({ calls, session, reload }) {
  const dialog = byId('codes-dialog')
  const note = byId('codes-dialog-note')
  const asked = byId('confirmation')
  let codes = []

  const form = bind(dialog.querySelector('form'), () => dialog.close())
  // Escape would lose them.
  dialog.addEventListener('cancel', (event) => { if (!byId('saved').checked) event.preventDefault() })

  function hand(made) {
    codes = made
    byId('codes').replaceChildren(...codes.map((code) => {
      const item = document.createElement('li')
      item.append(Object.assign(document.createElement('code'), { textContent: code }))
      return item
    }))
    open(dialog, { instead: byId('codes-title'), onClose: () => {
      codes = []
      form.reset()
      byId('codes').replaceChildren()
      note.textContent = ''
    } })
    // Its first button would be next: the codes are to be read before.
    byId('codes-dialog-title').focus()
  }

  onPress(byId('copy-codes'), note, async () => {
    await navigator.clipboard.writeText(codes.join('\n'))
    note.textContent = text('security.codes.copied')
  })

  onPress(byId('download-codes'), note, async () => {
    const { email } = await session.user()
    const values = { address: email, host: location.host, day: onDay(Date.now()) }
    const lines = [text('security.codes.fileTitle', values), text('security.codes.fileHint'), '', ...codes, '']
    save(lines.join('\n'), 'text/plain', `recovery-codes-${location.hostname}.txt`)
    note.textContent = text('security.codes.downloaded')
  })

  byId('make-codes').addEventListener('click', () => confirmed({
    title: text('security.codes.makeTitle'),
    effect: text('security.codes.makeEffect'),
    action: text('security.codes.make'),
    instead: byId('codes-title'),
  }, async () => {
    const { recovery_codes: made } = await calls.newRecoveryCodes()
    await reload()
    byId('codes-note').textContent = text('security.codes.made')
    // One dialog after the other; whoever has closed this one meanwhile gets them all the same.
    if (asked.open) asked.addEventListener('close', () => hand(made), { once: true })
    else hand(made)
  }))

  return {
    hand,
    show({ factors: { totp, passkeys, recovery_codes_left: count } }) {
      const hasSecond = Boolean(totp) || passkeys > 0
      byId('codes-left').textContent = hasSecond ? text('security.codes.left', { count }) : text('security.codes.later')
      byId('codes-left').classList.toggle('muted', !hasSecond)
      byId('few-codes').hidden = !hasSecond || count > FEW
      byId('may-make').hidden = !hasSecond
    },
  }
}
