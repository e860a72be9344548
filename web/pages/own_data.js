// What is stored of the user: to take along, or to delete.

import { confirmed } from './confirmation.js'
import { leaving } from './departure.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { text } from './words.js'

function save(data, name) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // Some browsers read it only after the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

/** `address` answers the address of the account. */
export function ownData({ calls, address }) {
  bind(byId('export'), async () => {
    const data = await calls.exportData()
    save(data, `account-${new Date().toISOString().slice(0, 10)}.json`)
    byId('data-note').textContent = text('account.data.exported')
  }, { isRepeatable: true })

  byId('delete-account').addEventListener('click', () => confirmed({
    title: text('account.data.deleteTitle', { address: address() }),
    effect: text('account.data.deleteEffect'),
    action: text('account.data.deleteForGood'),
    asksForPassword: true,
  }, ({ password }) => leaving('deleted', () => calls.deleteAccount({ password }))))
}
