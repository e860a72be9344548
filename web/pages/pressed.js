// Buttons outside of forms.

import { failure } from './failures.js'

/** Lets a press of `button` do `act`, one at a time, and says in `note` what went wrong. */
export function onPress(button, note, act) {
  let isBusy = false
  button.addEventListener('click', async () => {
    if (isBusy) return
    isBusy = true
    note.textContent = ''
    button.setAttribute('aria-busy', 'true')
    try {
      await act()
    } catch (error) {
      note.textContent = failure(error).text
    } finally {
      isBusy = false
      button.removeAttribute('aria-busy')
    }
  })
}
