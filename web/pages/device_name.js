// How a device is called on this page.

import { programOf } from './user_agent.js'
import { text } from './words.js'

export function deviceName(userAgent) {
  const { browser, system } = programOf(userAgent ?? '')
  if (browser && system) return text('account.device.browserOnSystem', { browser, system })
  return browser ?? (system ? text('account.device.onSystem', { system }) : text('account.device.unknown'))
}

export function setIcon(icon, userAgent) {
  icon.querySelector('use').setAttribute('href', `#icon-${programOf(userAgent ?? '').kind}`)
}
