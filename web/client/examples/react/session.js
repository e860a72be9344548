import { createSession } from 'jeton-client'
import { useSyncExternalStore } from 'react'

// At the top of a module, and not in an effect: one session for the application, which StrictMode mounts twice without harm.
export const session = createSession()

const onServer = { phase: 'unknown', sessionId: null, reachable: true, reason: 'start' }

/** What is known now: renders again when it changes, and only then. */
export function useSession() {
  return useSyncExternalStore(session.onChange, () => session.state, () => onServer)
}
