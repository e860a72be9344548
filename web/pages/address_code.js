// The dialog for the code that an address of the account gets.

import { open } from './dialog.js'
import { mailCode } from './mail_code.js'
import { byId } from './page.js'

const dialog = byId('code-dialog')
let wanted

const code = mailCode(dialog, {
  ask: () => wanted.ask(),
  confirm: async (what) => {
    await wanted.confirm(what)
    dialog.close()
    wanted.done()
  },
  other: () => {
    dialog.close()
    wanted.other?.()
  },
})

/** `ask` has a mail sent again, `confirm` brings its code back, and `other`, if there is one, asks for another address. */
export function awaitCode(flow, address, what) {
  wanted = what
  dialog.querySelector('[data-other]').hidden = !what.other
  code.begin(flow, address)
  open(dialog)
}
