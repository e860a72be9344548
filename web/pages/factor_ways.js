// What somebody can show beside the password, or in place of it: one way at a time, the others within reach.

/**
 * `form` has fields of `factor_fields.html` and buttons of `factor_ways.html`. Answers how to show a way: `totp`, `recovery_code`, `passkey`, or
 * another that the form has parts for; `available` are those that there are. `usePasskey(button)` is called for the button for passkeys.
 */
export function waysOf(form, usePasskey) {
  const passkey = form.querySelector('[data-passkey]')
  const others = [...form.querySelectorAll('[data-choose]')]
  const parts = [...form.querySelectorAll('[data-ways]')]
  let available = []

  function show(way) {
    for (const part of parts) part.hidden = !part.dataset.ways.split(' ').includes(way)
    for (const other of others) other.hidden = other.dataset.choose === way || !available.includes(other.dataset.choose)
    form.querySelector('[data-others]').hidden = others.every(({ hidden }) => hidden)
    passkey.hidden = !available.includes('passkey')
    passkey.classList.toggle('primary', way === 'passkey')
    const input = [...form.querySelectorAll('input:not([type="checkbox"])')].find((field) => field.required && !field.value && !field.closest('[hidden]'))
    const target = input ?? passkey
    target.focus()
  }

  passkey.addEventListener('click', () => usePasskey(passkey))
  for (const other of others) other.addEventListener('click', () => show(other.dataset.choose))
  return (way, all) => {
    available = all
    show(way)
  }
}

/** Codes as they are sent: people type them in groups. */
export const bare = (typed) => typed.replace(/[\s-]/g, '')
