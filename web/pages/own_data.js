// What is stored of the user: to take along, or to delete.

import { confirmed } from './confirmation.js'
import { leaving } from './departure.js'
import { bind } from './form.js'
import { byId } from './page.js'
import { save } from './save.js'
import { text } from './words.js'

/** `address` answers the address of the account. */
export function ownData({ calls, address }) {
  bind(byId('export'), async () => {
    const data = await calls.exportData()
    save(JSON.stringify(data, null, 2), 'application/json', `account-${new Date().toISOString().slice(0, 10)}.json`)
    byId('data-note').textContent = text('account.data.exported')
  }, { isRepeatable: true })

  byId('delete-account').addEventListener('click', () => confirmed({
    title: text('account.data.deleteTitle', { address: address() }),
    effect: text('account.data.deleteEffect'),
    action: text('account.data.deleteForGood'),
    asksForPassword: true,
  }, ({ password }) => leaving('deleted', () => calls.deleteAccount({ password }))))
}
