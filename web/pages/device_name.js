// How a device is called and pictured: by what its User-Agent says, in the words that people use. That is what a program claims about
// itself, so the whole of it is shown too.

import { text } from './words.js'

// The order matters: most browsers also claim to be those further below.
const BROWSERS = [
  [/\bEdg(?:A|iOS)?\//, 'Edge'],
  [/\bOPR\/|\bOPiOS\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bYaBrowser\//, 'Yandex Browser'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/Chrom(?:e|ium)\/|\bCriOS\//, 'Chrome'],
  [/\bVersion\/.*\bSafari\//, 'Safari'],
]
const SYSTEMS = [
  [/\biPhone\b/, 'iPhone', 'phone'],
  [/\biPad\b/, 'iPad', 'tablet'],
  [/\bAndroid\b.*\bMobile\b/, 'Android', 'phone'],
  [/\bAndroid\b/, 'Android', 'tablet'],
  [/\bWindows\b/, 'Windows', 'desktop'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS', 'desktop'],
  [/\bCrOS\b/, 'ChromeOS', 'desktop'],
  [/\bLinux\b|\bX11\b/, 'Linux', 'desktop'],
]

/** `browser` and `system` are null where nothing is recognised; a program that is no browser is named as it names itself. */
function programOf(userAgent) {
  const find = (known) => known.find(([pattern]) => pattern.test(userAgent)) ?? []
  const [, browser] = find(BROWSERS)
  const [, system, kind] = find(SYSTEMS)
  const ownName = /^[\w.+-]{2,40}/.exec(userAgent)?.[0]
  const program = ownName && ownName !== 'Mozilla' ? ownName : null
  return { browser: browser ?? program, system: system ?? null, kind: browser ? kind ?? 'desktop' : 'program' }
}

export function deviceName(userAgent) {
  const { browser, system } = programOf(userAgent ?? '')
  if (browser && system) return text('common.device.browserOnSystem', { browser, system })
  return browser ?? (system ? text('common.device.onSystem', { system }) : text('common.device.unknown'))
}

export const setIcon = (icon, userAgent) => icon.firstElementChild.setAttribute('href', `#icon-${programOf(userAgent ?? '').kind}`)
