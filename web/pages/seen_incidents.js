// Which incidents the person in front of this browser has seen. Nothing secret, and forgotten where nothing can be stored.

const KEY = 'jeton-seen-incidents'
/** The service shows the latest few: what is older need not be remembered. */
const MOST = 100

const seen = new Set(stored())

function stored() {
  try {
    const ids = JSON.parse(localStorage.getItem(KEY))
    return Array.isArray(ids) ? ids : []
  } catch {
    return []
  }
}

export const isSeen = (id) => seen.has(id)

export function see(id) {
  seen.add(id)
  try {
    localStorage.setItem(KEY, JSON.stringify([...seen].slice(-MOST)))
  } catch {
    // It is hidden until the page is loaded again.
  }
}
