// Dialogs: opened for one thing, which they name, and the focus returns to where it was.

/** If what opened it is gone by then, `instead` is focused. */
export function open(dialog, { instead, onClose = () => {} } = {}) {
  const opener = document.activeElement
  dialog.addEventListener('close', () => {
    onClose()
    if (opener?.isConnected && opener.checkVisibility()) opener.focus()
    else instead?.focus()
  }, { once: true })
  dialog.showModal()
}

for (const button of document.querySelectorAll('dialog [data-close]')) {
  button.addEventListener('click', () => button.closest('dialog').close())
}
