// Passkeys, as the browser makes and shows them (WebAuthn level 3, in its JSON forms).

const { PublicKeyCredential: Credential } = globalThis

// Passkeys belong to a name: an address can have none.
const isAddress = /^[\d.]+$|^\[/.test(location.hostname)

export const hasPasskeys = Boolean(Credential?.parseRequestOptionsFromJSON && navigator.credentials) && !isAddress

/** Whether they can be offered in the field for the address. */
export const canOffer = async () => hasPasskeys && Boolean(await Credential.isConditionalMediationAvailable?.())

/** Tells the browser, or whoever keeps its passkeys, what is known here. Nothing depends on it. */
export function tell(what, facts) {
  Promise.resolve(Credential?.[`signal${what}`]?.(facts)).catch(() => {})
}

/** The answer to a challenge; nothing if the person would rather not, or the browser cannot. */
export async function shown({ challenge_id, public_key: options }, how) {
  try {
    const publicKey = Credential.parseRequestOptionsFromJSON(options)
    const credential = await navigator.credentials.get({ publicKey, ...how })
    return { challenge_id, credential: credential.toJSON() }
  } catch (error) {
    if (!(error instanceof DOMException)) throw error
  }
}

/** Gives an answer to `use`. One that is not known here is not offered by the browser any more. */
export async function used(passkey, use) {
  try {
    return await use(passkey)
  } catch (error) {
    const { code, rp_id: rpId, credential_id: credentialId } = error.problem ?? {}
    if (code === 'passkey_unknown') tell('UnknownCredential', { rpId, credentialId })
    throw error
  }
}

/** A new passkey. It throws a DOMException if none was made. */
export async function made({ challenge_id, public_key: options }) {
  const credential = await navigator.credentials.create({ publicKey: Credential.parseCreationOptionsFromJSON(options) })
  return { challenge_id, credential: credential.toJSON() }
}
