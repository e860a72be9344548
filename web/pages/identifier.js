// Ids, which are long: shortened to be seen, and whole to be copied.

import { made, say, shortened } from './console_parts.js'
import { text } from './words.js'

/** The middle of an id is left out, not lost. */
export function identifier(id) {
  const [whole] = made('identifier')
  const [code, button] = whole.children
  code.textContent = shortened(id)
  code.title = id
  button.setAttribute('aria-label', `${button.textContent} ${id}`)
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(id)
    say(text('console.copied', { id }))
  })
  return whole
}
