// A page of several steps shows one of them.

const steps = [...document.querySelectorAll('[data-step]')]

export const step = (name) => steps.find((section) => section.dataset.step === name)

/** Shows a step, and leads the focus to what is to be done there. */
export function show(name) {
  for (const section of steps) section.hidden = section.dataset.step !== name
  const section = step(name)
  const inputs = [...section.querySelectorAll('input')].filter((input) => !input.closest('[hidden]'))
  const target = inputs.find((input) => !input.value) ?? inputs[0] ?? section.querySelector('h1')
  target?.focus()
}
