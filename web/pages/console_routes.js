// Views of the console have addresses: each is a link, and Back works.

const PATH = '/console'

export const query = () => new URLSearchParams(location.search)

/** The address of a view; without the values that are empty. */
export function address(values) {
  const search = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString()
  return search ? `${PATH}?${search}` : PATH
}

/** The same list from another place, or with another filter. */
export const changed = (values) => address({ ...Object.fromEntries(query()), lang: '', ...values })

// Where navigations cannot be taken over, they load the page anew.
const { navigation } = globalThis

export const canStay = Boolean(navigation)

export function go(url, { replaces = false } = {}) {
  if (navigation) navigation.navigate(url, { history: replaces ? 'replace' : 'auto' }).finished.catch(() => {})
  else location.assign(url)
}

/** Calls `show` for each address that the person goes to. */
export function onNavigation(show) {
  navigation?.addEventListener('navigate', (event) => {
    const { url, sameDocument: isHere } = event.destination
    const { pathname, searchParams } = new URL(url)
    // Another language is another document.
    const isElsewhere = pathname !== PATH || (searchParams.has('lang') && !isHere) || event.navigationType === 'reload'
    if (!event.canIntercept || event.hashChange || event.downloadRequest !== null || event.formData || isElsewhere) return
    event.intercept({ focusReset: 'manual', handler: show })
  })
}

function withoutPlace(url) {
  const search = new URL(url).searchParams
  search.delete('cursor')
  search.sort()
  return search.toString()
}

/** Whether Back leads to the page of the list that this one followed. */
export function cameFromList() {
  const before = navigation?.entries()[navigation.currentEntry.index - 1]?.url
  return Boolean(before) && new URL(before).pathname === PATH && withoutPlace(before) === withoutPlace(location.href)
}
