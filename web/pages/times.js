// Times as people say them, with the exact one at hand.

import { locale } from './page.js'

const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short' })
const day = new Intl.DateTimeFormat(locale, { dateStyle: 'long' })

/** Each unit, its seconds, and below how many seconds it is used. */
const UNITS = [
  ['second', 1, 45],
  ['minute', 60, 45 * 60],
  ['hour', 3600, 22 * 3600],
  ['day', 86400, 26 * 86400],
  ['month', 2629800, 320 * 86400],
  ['year', 31557600, Infinity],
]

export const isNow = (time) => Math.abs(Date.now() - new Date(time)) < 45_000
export const exactly = (time) => exact.format(new Date(time))
export const onDay = (time) => day.format(new Date(time))

function ago(time) {
  const seconds = (new Date(time) - Date.now()) / 1000
  const [unit, length] = UNITS.find(([, , below]) => Math.abs(seconds) < below)
  return relative.format(unit === 'second' ? 0 : Math.round(seconds / length), unit)
}

/** A time to the minute, where it matters when something was. */
export function instant(time) {
  const element = document.createElement('time')
  element.dateTime = time
  element.textContent = exactly(time)
  return element
}

/** A time that stays right while the page is open. */
export function moment(time) {
  const element = document.createElement('time')
  element.dateTime = time
  element.title = exactly(time)
  element.textContent = ago(time)
  return element
}

setInterval(() => {
  for (const element of document.querySelectorAll('time[title]')) element.textContent = ago(element.dateTime)
}, 30_000)
