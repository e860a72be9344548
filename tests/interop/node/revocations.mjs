import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { download } from './verify.mjs'

/** Follows the feed in the background. `wait`: seconds, a third at most of the age that you accept. */
export function revocations(verify, url = `${verify.issuer}/revocations`, wait = 25) {
  const known = new Map() // kind and digest → { number, until, but }
  let newest = [0, 0], freshAt = -Infinity
  follow()
  return { refuses, age: () => (performance.now() - freshAt) / 1000 }

  function refuses({ sid, jti, sub, epoch = 0, rev = 0 }) {
    const [session, user] = [digest(`sid:${sid}`), digest(`sub:${sub}`)]
    const fact = (kind, h) => known.get(`${kind} ${h}`) ?? { number: 0 }
    if (fact('ended', session).number || fact('ended', digest(`jti:${jti}`)).number) return true
    if (fact('epoch', user).number > epoch && fact('epoch', user).but !== session) return true
    return fact('epoch', '').number > epoch || fact('rev', user).number > rev
  }

  async function follow() {
    let cursor = 0, longest = 0, failures = 0, allAt, pause
    for (;;) {
      try {
        const askedAt = performance.now()
        if (cursor === 0) allAt = askedAt + (240 + Math.random() * 120) * 1000
        const { text, headers } = await download(`${url}?after=${cursor}&wait=${longest}`, longest + 10, 1 << 23)
        const page = await verify.signed(text, 'revocations+jwt')
        if (!isPage(page) || page.after > Math.min(cursor, page.to)) throw new Error('not a page of the feed')
        learn(page)
        const { iat, to, more } = page
        const isNews = more ? to > cursor : iat > newest[0] || (iat === newest[0] && to > newest[1])
        // After a restore of the database, and every five minutes, everything is read again, and added.
        const readAll = to < cursor || (!more && askedAt > allAt)
        cursor = readAll ? 0 : to
        longest = readAll || more ? 0 : wait
        pause = Math.max(0, Math.min(Number(headers.get('retry-after')) || 0, 5))
        if (!isNews && pause === 0) throw new Error('not newer than what is known')
        if (isNews && !more) [newest, freshAt] = [[iat, to], askedAt]
        failures = 0
      } catch (failure) {
        // Whatever it is: what is known stays known.
        if (failures === 0) console.warn(`${url}: ${failure.message}`)
        pause = failure.status === 404 ? 60 : Math.min(5, 2 ** failures++ / 4) * (0.5 + Math.random() / 2)
      }
      await sleep(pause * 1000)
    }
  }

  function learn({ iat, ended, jwks }) {
    const now = performance.now()
    for (const [name, { until }] of known) if (until <= now) known.delete(name)
    for (const entry of ended) {
      const until = now + Math.min(entry.u - iat, 7200) * 1000
      const kinds = ['epoch', 'rev'].filter((kind) => kind in entry)
      for (const kind of kinds.length ? kinds : ['ended']) {
        const [name, number] = [`${kind} ${entry.h ?? ''}`, entry[kind] ?? 1]
        const held = known.get(name) ?? { number: 0 }
        const isMore = number > held.number || (number === held.number && until > held.until)
        if (isMore) known.set(name, { number, until, but: entry.but })
      }
    }
    verify.published(jwks)
  }
}

const digest = (text) => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url')
const isText = (value) => typeof value === 'string'
const isEntry = ({ u, h = '', epoch = 0, but = '', rev = 0 }) =>
  [u, epoch, rev].every(Number.isSafeInteger) && [h, but].every(isText)
const isPage = ({ iat, after, to, more, jwks, ended }) =>
  [iat, after, to].every(Number.isSafeInteger) && after >= 0 && more === !!more && isText(jwks) && ended.every(isEntry)
