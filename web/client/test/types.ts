// Compiled, and never run: tsc --strict --exactOptionalPropertyTypes --noEmit --module nodenext
import { AuthenticationInsufficient, createSession, NotNow, Refused, SessionEnded, type Account, type Flow, type SecondFactorRequired, type Session, type State } from '../client.js'
import { account, type Sessions } from '../account.js'

const session: Session = createSession()
createSession({ url: new URL('https://auth.example.com'), origins: ['https://api.example.com'], timeout: 2000, keepFresh: false }).close()
{
  using scoped = createSession({ url: 'https://auth.example.com' })
  void scoped.ready(AbortSignal.timeout(1000))
}

const stop: () => void = session.onChange((state: State, was: State) => {
  if (state.phase === 'out' && was.phase === 'in') console.log(state.reason)
  // @ts-expect-error: it is read only
  state.phase = 'in'
  // @ts-expect-error: there is no such reason
  if (state.reason === 'expired') stop()
})

export async function use(): Promise<string> {
  const registered: Account | Flow = await session.register({ email: 'ada@example.com', password: '…', language: 'uk' })
  if (registered.flow) {
    const { flow } = registered
    await session.confirm({ flow, code: '7H2K-9QXD' })
    await session.resetPassword({ flow, code: '7H2K-9QXD', new: '…' })
  }
  // @ts-expect-error: a property that is optional is left out, and not undefined
  await session.register({ email: 'ada@example.com', password: '…', name: undefined })
  try {
    const { sessionId }: State = await session.login({ email: 'ada@example.com', password: '…' })
    const answer: Response = await session.fetch('/api/notes', { method: 'POST', body: 'text' })
    const { roles, custom } = await session.user()
    const token: string = await session.accessToken({ minValidity: 60, signal: AbortSignal.timeout(1000) })
    const page = await session.call<{ users: Account[] }>('GET', '/admin/users')
    const { fetch, logout } = session
    await fetch(new Request(answer.url))
    await logout()
    return [sessionId, roles.join(), String(custom), token, page.users.length].join()
  } catch (error) {
    if (error instanceof SessionEnded) return error.code
    if (error instanceof NotNow) return `${error.retryAfter ?? 5} s: ${error.code} ${error.status}`
    if (error instanceof AuthenticationInsufficient) {
      await session.reauthenticate({ password: '…', totp: '123456' })
      return `${error.acrValues.join()} ${error.maxAge ?? ''} ${error.problem.code}`
    }
    if (error instanceof Refused && error.problem.code === 'second_factor_required') {
      const { second_factor_token, methods } = error.problem as SecondFactorRequired
      if (methods.includes('passkey')) await session.loginSecondFactor({ second_factor_token, passkey: { challenge_id: '…', credential: {} } })
      await session.loginSecondFactor({ second_factor_token, totp: '123456', trust_device: true })
      // @ts-expect-error: something has to be shown
      await session.loginSecondFactor({ second_factor_token })
    }
    if (error instanceof Refused) return `${error.problem.code}: ${error.problem.detail}`
    throw error
  }
}

export async function accountPage(): Promise<void> {
  const calls = account(session)
  const { sessions, incidents }: Sessions = await calls.sessions()
  const [own] = sessions
  if (own?.current && incidents.length === 0) await calls.endSession(own.id)
  const ended: number = await calls.endOthers()
  await calls.changePassword({ current: '…', new: '…' })
  const { flow, expires_in } = await calls.changeEmail({ new: 'ada@example.org', password: '…', language: 'en' })
  await calls.verifyEmail()
  await calls.forgotPassword({ email: `${flow}${expires_in}${ended}` })
  const { totp, passkeys } = await calls.factors()
  const { qr_code } = await calls.beginTotp()
  const { recovery_codes = [] } = await calls.confirmTotp({ code: `${totp?.confirmed_at}${passkeys}${qr_code.size}` })
  const { passkey } = await calls.addPasskey({ challenge_id: '…', credential: {}, name: recovery_codes.join() })
  await calls.renamePasskey(passkey.id, passkey.provider ?? '…')
  // @ts-expect-error: it asks for the password
  await calls.deleteAccount()
}
