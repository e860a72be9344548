/** Puts a text into the person's downloads. */
export function save(written, type, name) {
  const url = URL.createObjectURL(new Blob([written], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // Some browsers read it only after the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
