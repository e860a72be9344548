// What the server tells every page's script: language, texts, settings and brand.

export const { language, texts, settings, brand } = JSON.parse(document.getElementById('page').textContent)

/** The reader's own kind of the page's language, for dates: en-GB writes them otherwise than en-US. */
export const locale = navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language

export const byId = (id) => document.getElementById(id)

// The rest of the query goes along when the language changes. Taken at once: a page may take a code out of its URL.
for (const link of document.querySelectorAll('footer a[hreflang]')) {
  const query = new URLSearchParams(location.search)
  query.set('lang', link.hreflang)
  link.search = query
}

// Elsewhere the service refuses whatever a page sends. So nothing is begun there, and nothing but the way to the right place is shown.
if (!settings.returnOrigins.includes(location.origin)) {
  const [link] = byId('wrong-address').children
  link.href = settings.origin + location.href.slice(location.origin.length)
  link.textContent = settings.origin + location.pathname
  link.parentElement.hidden = false
  throw new Error(`this page works at ${settings.origin}`)
}
