// No module, so that it runs when a module cannot be loaded, because the connection broke or a replica with other files answered. The page
// is loaded again once; if that does not help, it says what is the matter.
addEventListener('error', ({ target }) => {
  if (target.tagName !== 'SCRIPT') return
  const [{ type }] = performance.getEntriesByType('navigation')
  if (type !== 'reload') location.reload()
  else document.getElementById('unreachable').hidden = false
}, true)
