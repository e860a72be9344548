// What the victim's browser and the thief can do. Each act is a real call, and is told as it was answered.

import { settings } from './page.js'
import { call, isNotNow, isOk } from './playground_call.js'
import { party } from './playground_party.js'
import { recordOf } from './playground_record.js'
import { forged, withoutTokens } from './playground_token.js'
import { exactly } from './times.js'
import { duration, has, text } from './words.js'

const THEFT = 'refresh_reuse'

/** `tell` gets what was done; `changed` is called when anything of the game has changed. */
export function game({ tell, changed }) {
  const victim = party('victim', changed)
  const thief = party('thief', changed)
  const parties = { victim, thief }
  let account, record

  const isOver = (session) => session !== record.session || record.isOver

  /** What any call may meet; otherwise `sentence`. */
  function told(answer, sentence, away = 'playground.told.away') {
    const time = duration(answer.retryAfter ?? 5)
    if (answer.status === 429) return text('playground.told.throttled', { time })
    if (answer.status !== null && isNotNow(answer)) return text('playground.told.notNow', { time })
    if (answer.status === null) return text(away, { resource: settings.playground.resource, page: location.origin })
    return sentence
  }

  function report(who, answer, sentence, verdict = null) {
    const raw = answer.json ? withoutTokens(answer.json) : null
    tell({ who, request: answer.request, status: answer.status, code: answer.json?.code, sentence, verdict, raw })
    changed()
    return !isNotNow(answer)
  }

  const refused = ({ json }) => text('playground.told.refused', { code: json?.code ?? '' })

  function aboutRefresh(who, answer, verdict) {
    const { code } = answer.json ?? {}
    if (verdict?.outcome === 'Reuse') return text('playground.told.Reuse')
    if (!isOk(answer)) return code === 'session_ended' ? text('playground.told.ended') : refused(answer)
    const { outcome, row } = verdict ?? { outcome: 'Rotate' }
    const own = `playground.told.${who}${outcome}`
    return text(has(own) ? own : `playground.told.${outcome}${outcome === 'Replay' ? row : ''}`)
  }

  const explained = (answer) => told(answer, refused(answer))

  async function exchange(who) {
    const { refresh } = parties[who].tokens
    const answer = await call('POST', '/auth/refresh', { body: { refresh_token: refresh } })
    const isOfRecord = parties[who].session === record.session
    const verdict = isOfRecord ? record.judge(refresh, answer) : null
    if (isOfRecord && answer.status === 401) record.end()
    return { answer, verdict }
  }

  async function refresh(who) {
    const { answer, verdict } = await exchange(who)
    if (isOk(answer)) parties[who].take(answer)
    return report(who, answer, told(answer, aboutRefresh(who, answer, verdict)), verdict)
  }

  async function ask(who, token, sentences) {
    const answer = await call('GET', `${settings.playground.resource}/books`, { token })
    const { code } = answer.json ?? {}
    const { session, left } = parties[who]
    const still = isOver(session) ? text('playground.told.acceptedStill', { time: duration(left) }) : text('playground.told.accepted')
    const sentence = isOk(answer) ? still : sentences[code] ?? refused(answer)
    return report(who, answer, told(answer, sentence, 'playground.told.resourceAway'))
  }

  /** Why a token that is genuine is refused all the same. */
  const REASONS = {
    token_expired: text('playground.told.expired'),
    token_ended: text('playground.told.ended'),
    insufficient_scope: text('playground.told.noScope'),
  }

  return {
    victim,
    thief,
    explained,
    get isOurs() { return Boolean(account.isOurs) },
    get record() { return record },
    get isAlive() { return !record.isOver },
    /** The thief has what belongs to the session that goes on. */
    get isStolen() { return thief.session === record.session },

    /** The answer, for whoever has to say why it failed. */
    async logIn(who = account) {
      const { email, password } = who
      const answer = await call('POST', '/auth/login', { body: { email, password, transport: 'body' } })
      if (!isOk(answer)) {
        if (account) report('victim', answer, explained(answer))
        return answer
      }
      account = who
      record?.end()
      record = recordOf(answer.json.refresh_token, changed)
      victim.take(answer)
      report('victim', answer, text('playground.told.login'))
      return answer
    },
    call: (who) => ask(who, parties[who].tokens.access, REASONS),
    forge: () => ask('victim', forged(victim.tokens.access), { token_invalid: text('playground.told.forged') }),
    refresh,
    async twice() {
      const [first, second] = await Promise.all([refresh('victim'), refresh('victim')])
      return first && second
    },
    async lose() {
      const { answer, verdict } = await exchange('victim')
      const sentence = isOk(answer) ? text('playground.told.lost') : aboutRefresh('victim', answer, verdict)
      return report('victim', answer, told(answer, sentence), verdict)
    },
    steal() {
      thief.steal(victim.tokens.refresh)
      tell({ who: 'thief', sentence: text('playground.told.copied') })
      changed()
      return true
    },
    async logOut() {
      const answer = await call('POST', '/auth/logout', { body: { refresh_token: victim.tokens.refresh } })
      if (isOk(answer)) record.end()
      return report('victim', answer, isOk(answer) ? text('playground.told.loggedOut') : explained(answer))
    },
    /** What the user sees of the thefts. */
    async look() {
      const answer = await call('GET', '/auth/sessions', { token: victim.tokens.access })
      if (answer.json?.code === 'token_invalid' && record.isOver) return report('victim', answer, text('playground.told.knows'))
      if (!isOk(answer)) return report('victim', answer, explained(answer))
      const { sessions, incidents } = answer.json
      const thefts = incidents.filter(({ action }) => action === THEFT)
      const shown = thefts.length
        ? text('playground.told.incidents', { count: thefts.length, at: exactly(thefts[0].at) })
        : text('playground.told.noIncidents')
      return report('victim', answer, `${text('playground.told.sessions', { count: sessions.length })} ${shown}`)
    },
    /** Deletes an account that was made here; another one is logged out. */
    async stop() {
      if (!account.isOurs) {
        const answer = await call('POST', '/auth/logout', { body: { refresh_token: victim.tokens.refresh } })
        report('victim', answer, explained(answer))
        return isOk(answer)
      }
      const remove = () => call('DELETE', '/auth/me', { token: victim.tokens.access, body: { password: account.password } })
      let answer = await remove()
      // The session is over, or the token has expired.
      if (answer.status === 401 && isOk(await this.logIn())) answer = await remove()
      report('victim', answer, explained(answer))
      return isOk(answer)
    },
    end() {
      record.end()
      victim.drop()
      thief.drop()
      account = record = null
    },
  }
}
