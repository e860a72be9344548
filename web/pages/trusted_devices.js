// Where a login needs no second step.

import { deviceName, setIcon } from './device_name.js'
import { byId } from './page.js'
import { onPress } from './pressed.js'
import { moment, onDay } from './times.js'
import { sentence, text } from './words.js'

export function trustedDevices({ calls, reload }) {
  const note = byId('trusted-note')

  function row({ id, ip: address, user_agent: agent, last_used_at: used, expires_at: until, current }) {
    const item = byId('trusted-device').content.cloneNode(true).firstElementChild
    const part = (name) => item.querySelector(`[data-${name}]`)
    const device = deviceName(agent)
    setIcon(item.querySelector('.icon'), agent)
    part('device').textContent = device
    part('device').title = agent
    part('this').hidden = !current
    part('where').append(sentence('security.trusted.where', { address, used: moment(used), day: onDay(until) }))
    part('remove').setAttribute('aria-label', text('security.removeNamed', { name: device }))
    onPress(part('remove'), note, async () => {
      await calls.removeTrustedDevice(id)
      await reload()
      note.textContent = text('security.trusted.removed', { device })
      byId('trusted-title').focus()
    })
    return item
  }

  return {
    show({ trusted_devices: devices }) {
      byId('trusted').replaceChildren(...devices.map(row))
      byId('trusted').hidden = devices.length === 0
      byId('none-trusted').hidden = devices.length > 0
    },
  }
}
