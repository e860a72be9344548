// An app that shows a code for each half minute.

import { confirmed } from './confirmation.js'
import { open } from './dialog.js'
import { bare } from './factor_ways.js'
import { complain } from './field.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { onPress } from './pressed.js'
import { onDay } from './times.js'
import { text } from './words.js'

const SVG = 'http://www.w3.org/2000/svg'

function draw({ size, path }) {
  const shape = (name, attributes) => {
    const element = document.createElementNS(SVG, name)
    for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value)
    return element
  }
  byId('qr').setAttribute('viewBox', `0 0 ${size} ${size}`)
  byId('qr').replaceChildren(shape('rect', { width: size, height: size }), shape('path', { d: path }))
}

export function authenticatorApp({ calls, reload, codes }) {
  const dialog = byId('app-dialog')
  const field = byId('app-code')
  const title = byId('app-title')
  const note = byId('app-note')
  let secret

  const form = bind(dialog.querySelector('form'), async ({ totp }) => {
    const answer = await calls.confirmTotp({ code: bare(totp) })
    await reload()
    note.textContent = text('security.app.turnedOn')
    dialog.close()
    if (answer.recovery_codes) codes.hand(answer.recovery_codes)
  }, {
    onRefused(refusal) {
      if (refusal !== 'code_wrong') return false
      complain(field, text('security.app.wrong'))
      field.select()
      return true
    },
  })

  /** The secret goes with the dialog. */
  function forget() {
    secret = ''
    form.reset()
    byId('qr').replaceChildren()
    byId('secret').textContent = byId('secret-note').textContent = ''
    byId('open-app').removeAttribute('href')
  }

  onPress(byId('set-up-app'), note, async () => {
    const { secret: made, otpauth_uri: uri, qr_code: picture } = await calls.beginTotp()
    secret = made
    draw(picture)
    byId('secret').textContent = secret.match(/.{1,4}/g).join(' ')
    byId('open-app').href = uri
    open(dialog, { onClose: forget, instead: title })
    // Not the field: a phone's keyboard would cover the picture.
    byId('app-dialog-title').focus()
  })

  onPress(byId('copy-secret'), byId('secret-note'), async () => {
    await navigator.clipboard.writeText(secret)
    byId('secret-note').textContent = text('security.codes.copied')
  })

  byId('remove-app').addEventListener('click', () => confirmed({
    title: text('security.app.removeTitle'),
    effect: text('security.app.removeEffect'),
    action: text('security.remove'),
    instead: title,
  }, async () => {
    await calls.removeTotp()
    await reload()
    note.textContent = text('security.app.removed')
  }))

  return {
    show({ factors: { totp } }) {
      const state = byId('app-state')
      state.className = totp ? 'chip good' : 'muted'
      state.textContent = totp ? text('security.app.on', { day: onDay(totp.confirmed_at) }) : text('security.app.off')
      state.hidden = false
      byId('set-up-app').hidden = Boolean(totp)
      byId('remove-app').hidden = !totp
    },
  }
}
