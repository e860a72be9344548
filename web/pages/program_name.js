// How a device is called and pictured in the console.

import { programOf } from './user_agent.js'
import { text } from './words.js'

export function programName(userAgent) {
  const { browser, system } = programOf(userAgent ?? '')
  if (browser && system) return text('console.device.browserOnSystem', { browser, system })
  return browser ?? (system ? text('console.device.onSystem', { system }) : text('console.device.unknown'))
}

export const setIcon = (icon, userAgent) => icon.firstElementChild.setAttribute('href', `#icon-${programOf(userAgent ?? '').kind}`)
