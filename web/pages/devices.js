// Where the user is logged in.

import { confirmed } from './confirmation.js'
import { leaving } from './departure.js'
import { deviceName, setIcon } from './device_name.js'
import { byId } from './page.js'
import { exactly, isNow, moment } from './times.js'
import { sentence, text } from './words.js'

export function devices({ session, calls, reload }) {
  const say = (told) => { byId('devices-note').textContent = told }

  function row(device) {
    const item = byId('device').content.cloneNode(true).firstElementChild
    const part = (name) => item.querySelector(`[data-${name}]`)
    const name = deviceName(device.user_agent)
    const isInUse = device.current || isNow(device.last_used_at)
    setIcon(item.querySelector('.icon'), device.user_agent)
    part('device').textContent = name
    part('this').hidden = !device.current
    const use = isInUse ? 'account.devices.inUse' : 'account.devices.lastUsed'
    part('where').append(sentence(use, { address: device.ip, when: moment(device.last_used_at) }))
    part('began').textContent = exactly(device.created_at)
    part('ends').textContent = exactly(device.expires_at)
    part('agent').textContent = device.user_agent || text('common.device.unknown')
    const end = part('end')
    if (device.current) end.remove()
    end.setAttribute('aria-label', text('account.devices.endNamed', { device: name }))
    end.addEventListener('click', () => confirmed({
      title: text('account.devices.endTitle', { device: name }),
      effect: text('account.devices.endEffect'),
      action: text('account.devices.end'),
      instead: byId('devices-title'),
    }, async () => {
      await calls.endSession(device.id)
      await reload()
      say(text('account.devices.ended', { device: name }))
    }))
    return item
  }

  byId('end-others').addEventListener('click', () => confirmed({
    title: text('account.devices.endOthersTitle'),
    effect: text('account.devices.endOthersEffect'),
    action: text('account.devices.endOthers'),
    instead: byId('devices-title'),
  }, async () => {
    const count = await calls.endOthers()
    await reload()
    say(text('account.devices.endedOthers', { count }))
  }))

  byId('end-all').addEventListener('click', () => confirmed({
    title: text('account.devices.endAllTitle'),
    effect: text('account.devices.endAllEffect'),
    action: text('account.devices.endAll'),
  }, () => leaving('everywhere', session.logoutEverywhere)))

  return {
    show(sessions) {
      byId('devices').replaceChildren(...sessions.map(row))
      byId('devices').hidden = false
      const isAlone = sessions.length === 1
      byId('alone').hidden = !isAlone
      byId('for-all').hidden = false
      byId('end-others').hidden = isAlone
    },
  }
}
