// The calls of account pages: see account.d.ts.

export function account(session) {
  const { call, post, logout } = session
  const sessions = () => call('GET', '/auth/sessions')

  const end = (id) =>
    call('DELETE', `/auth/sessions/${encodeURIComponent(id)}`).catch((error) => {
      if (error.problem?.code !== 'not_found') throw error
    })

  return {
    sessions,

    async endSession(id) {
      // Only a logout also clears the cookie, and reaches the other tabs.
      if (id === session.state.sessionId) await logout()
      else await end(id)
    },

    async endOthers() {
      const others = (await sessions()).sessions.filter(({ current }) => !current)
      for (const { id } of others) await end(id)
      return others.length
    },

    changePassword: (change) => call('POST', '/auth/password', change),

    async deleteAccount(confirmation) {
      await call('DELETE', '/auth/me', confirmation)
      await logout()
    },

    changeEmail: (change) => call('POST', '/auth/email', change),
    verifyEmail: (options) => call('POST', '/auth/email/verify', options),
    setSecondEmail: (change) => call('POST', '/auth/email/second', change),
    removeSecondEmail: (confirmation) => call('DELETE', '/auth/email/second', confirmation),
    exportData: () => call('GET', '/auth/me/export'),

    factors: () => call('GET', '/auth/factors'),
    keepFactors: () => call('DELETE', '/auth/factors/reset'),
    beginTotp: () => call('POST', '/auth/totp'),
    confirmTotp: (shown) => call('POST', '/auth/totp/confirm', shown),
    removeTotp: () => call('DELETE', '/auth/totp'),
    newRecoveryCodes: () => call('POST', '/auth/recovery-codes'),

    passkeys: () => call('GET', '/auth/passkeys'),
    passkeyOptions: () => call('POST', '/auth/passkeys/options'),
    addPasskey: (made) => call('POST', '/auth/passkeys', made),
    renamePasskey: (id, name) => call('PATCH', `/auth/passkeys/${encodeURIComponent(id)}`, { name }),
    removePasskey: (id) => call('DELETE', `/auth/passkeys/${encodeURIComponent(id)}`),

    trustedDevices: () => call('GET', '/auth/trusted-devices'),
    removeTrustedDevice: (id) => call('DELETE', `/auth/trusted-devices/${encodeURIComponent(id)}`),

    forgotPassword: (who) => post('/auth/password/forgot', who),
    loginCode: (who) => post('/auth/login/code', who),
  }
}
