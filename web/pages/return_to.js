// Where to go after a login: back to an application that the service knows, or to the account.

import { settings } from './page.js'

const asked = new URLSearchParams(location.search).get('return_to')

function isAllowed({ protocol, username, password, origin }) {
  return /^https?:$/.test(protocol) && !username && !password && settings.returnOrigins.includes(origin)
}

const url = asked && URL.canParse(asked) ? new URL(asked) : null
const application = url && isAllowed(url) ? url.href : null

export const destination = application ?? '/account'

// The way there goes along to the other pages of signing in.
if (application) {
  for (const link of document.querySelectorAll('a[data-onward]')) link.search = new URLSearchParams({ return_to: application })
}
