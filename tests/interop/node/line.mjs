// A line to auth-service that can be disturbed, at the address that browsers take for the public one. It also serves a page of its own, which
// makes `session` and shows nothing.
import { Agent, createServer, request as ask } from 'node:http'

export const PAGE = `<!DOCTYPE html><title>Nothing</title><script type="module">
  import { createSession } from '/client.js'
  globalThis.seen = []
  globalThis.session = createSession()
  session.onChange(({ reason }) => seen.push(reason))
</script>`

async function text(stream) {
  const parts = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}

export class Line {
  #service
  #port
  #server
  #agent = new Agent({ keepAlive: true })
  #disturbances = new Map()
  /** What was asked since the last `calm`: method, path, and whether a cookie came along. */
  asked = []
  /** How many answers a disturbance has met since then. */
  disturbed = 0

  constructor(service, port) {
    this.#service = service
    this.#port = port
  }

  /** As a browser writes it. */
  get url() {
    return `http://localhost:${this.#port}`
  }

  open() {
    this.#server = createServer((request, response) => this.#pass(request, response).catch(() => response.destroy()))
    return new Promise((resolve, reject) => this.#server.on('error', reject).listen(this.#port, '127.0.0.1', resolve))
  }

  /** Until it is opened again, connections are refused; those that there are break. */
  close() {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    return closed
  }

  /**
   * From now on, answers to this path are `lost`, or `cut` after their head; or they are `{ status, headers, body }` instead, and
   * auth-service is not asked; or they wait for the promise that is given.
   */
  disturb(path, how) {
    this.#disturbances.set(path, how)
  }

  /** Passes everything on. */
  calm() {
    this.#disturbances.clear()
    this.asked = []
    this.disturbed = 0
  }

  count(method, path) {
    return this.asked.filter((asked) => asked.method === method && asked.path === path).length
  }

  async #pass(request, response) {
    const { method, headers } = request
    const path = request.url.split('?')[0]
    const how = this.#disturbances.get(path)
    const body = await text(request)
    this.asked.push({ method, path, hasCookie: 'cookie' in headers })
    if (path === '/nothing-but-a-session') return response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE)
    if (how?.status) {
      this.disturbed++
      return response.writeHead(how.status, how.headers).end(how.body)
    }
    const answer = await new Promise((resolve, reject) => {
      const { url: path } = request
      ask({ host: '127.0.0.1', port: this.#service, agent: this.#agent, method, path, headers }, resolve).on('error', reject).end(body)
    })
    const content = await text(answer)
    if (how) this.disturbed++
    if (how === 'lost') return response.destroy()
    if (how?.then) await how
    const { connection, 'transfer-encoding': _, ...kept } = answer.headers
    response.writeHead(answer.statusCode, { ...kept, ...(content.length && { 'content-length': content.length }) })
    if (how === 'cut') response.write(content.subarray(0, content.length / 2), () => response.destroy())
    else response.end(content)
  }
}
