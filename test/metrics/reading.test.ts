// How Prometheus gets the metrics: a file, or HTTP at an address or a path.
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request, type RequestOptions } from 'node:http'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, suite, test } from 'node:test'
import { MetricsServer } from '../../src/cli/metrics/server.js'
import { parseConfig } from '../../src/config/parse.js'
import type { MetricsOptions } from '../../src/config/options.js'
import { snoopOptions } from '../../src/config/settings.js'
import { listenSnoopControl } from '../../src/snoop/control.js'
import { macipctl } from '../../lab/in-process.js'
import { FakeRelay } from '../snoop/fake-relay.js'
import { subject } from '../snoop/subject.js'
import { silent, tempDir } from '../support.js'

/** `asked`: how often the snooper was. */
type Scene = { dir: string; relay: string; snoop: string; fakeRelay: FakeRelay; asked: () => number }

async function scene(t: TestContext): Promise<Scene> {
  const dir = tempDir(t)
  const [relay, snoop] = [join(dir, 'relay.sock'), join(dir, 'snoop.sock')]
  const fakeRelay = await FakeRelay.listen(t, relay)
  fakeRelay.status = { version: '0.1.0', vnis: 7 }
  let asked = 0
  const status = () => {
    asked++
    return {
      relayConnected: true,
      ports: [{ name: 'tap1', bridge: 'br0', attached: 'tcx' }],
      stateCounts: [{ state: 'active', reason: 'announced', bindings: 4 }],
      events: [{ name: 'moved', value: 3 }],
    }
  }
  const server = await listenSnoopControl(snoop, subject(), status, silent)
  t.after(() => server.close())
  return { dir, relay, snoop, fakeRelay, asked: () => asked }
}

suite('macipctl metrics', () => {
  test('prints what both say', async (t) => {
    const { relay, snoop } = await scene(t)
    const { code, stdout, stderr } = await macipctl('metrics', '--relay', relay, '--snoop', snoop)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^macipd_zebra_vnis 7$/m)
    assert.match(stdout, /^macipd_bindings\{state="active",reason="announced"\} 4$/m)
    assert.match(stdout, /^macipd_moves_total 3$/m)
    assert.doesNotMatch(stdout, /macipd_port_/)
    const perPort = await macipctl('metrics', '--per-port', '--relay', relay, '--snoop', snoop)
    assert.match(perPort.stdout, /^macipd_port_macs\{bridge="br0",port="tap1"\} 0$/m)
  })

  test('has metrics of ports if the configuration wants them', async (t) => {
    const { dir, relay, snoop } = await scene(t)
    const config = join(dir, 'macipd.yaml')
    writeFileSync(config, 'metrics: { perPort: true }\n')
    const { stdout } = await macipctl('metrics', '--config', config, '--relay', relay, '--snoop', snoop)
    assert.match(stdout, /^macipd_port_macs\{/m)
  })

  test('replaces a file, also with the news that nothing answers', async (t) => {
    const { dir, relay, snoop } = await scene(t)
    const files = join(dir, 'files')
    mkdirSync(files)
    const output = join(files, 'macipd.prom')
    writeFileSync(output, 'old')
    const { code, stdout } = await macipctl('metrics', '--output', output, '--relay', relay, '--snoop', snoop)
    assert.deepEqual([code, stdout], [0, ''])
    assert.match(readFileSync(output, 'utf8'), /^macipd_relay_up 1$/m)
    assert.equal(statSync(output).mode & 0o777, 0o644)
    const [none, gone] = [join(dir, 'none'), join(dir, 'gone')]
    const nothing = await macipctl('metrics', '--output', output, '--relay', none, '--snoop', gone)
    assert.equal(nothing.code, 7)
    assert.match(readFileSync(output, 'utf8'), /^macipd_relay_up 0$/m)
    assert.deepEqual(readdirSync(files), ['macipd.prom'])
  })

  test('says what is wrong with a file, and leaves nothing behind', async (t) => {
    const { dir, relay, snoop } = await scene(t)
    const sockets = ['--relay', relay, '--snoop', snoop]
    const missing = await macipctl('metrics', '--output', join(dir, 'no/macipd.prom'), ...sockets)
    assert.equal(missing.code, 2)
    assert.match(missing.stderr, /no\/macipd\.prom cannot be written: ENOENT/)
    const before = readdirSync(dir)
    mkdirSync(join(dir, 'directory'))
    assert.equal((await macipctl('metrics', '--output', join(dir, 'directory'), ...sockets)).code, 2)
    assert.deepEqual(readdirSync(dir), [...before, 'directory'].sort())
  })
})

type Answer = { status: number; type: string | undefined; text: string }

async function get(options: RequestOptions): Promise<Answer> {
  const asked = request({ path: '/metrics', ...options }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  return { status: response.statusCode ?? 0, type: response.headers['content-type'], text }
}

async function open(t: TestContext, listen: MetricsOptions['listen'], { relay, snoop }: Scene): Promise<MetricsServer> {
  const server = await MetricsServer.open({ listen, perPort: false }, { relay, snoop }, silent)
  t.after(() => server.close())
  return server
}
const ANY = { ip: '127.0.0.1', port: 0 }

suite('the snooper’s HTTP server', () => {
  test('answers Prometheus at an address of this machine', async (t) => {
    const { port } = await open(t, ANY, await scene(t))
    const { status, type, text } = await get({ port })
    assert.deepEqual([status, type], [200, 'text/plain; version=0.0.4; charset=utf-8'])
    assert.match(text, /^macipd_zebra_vnis 7$/m)
    assert.match(text, /^macipd_snoop_relay_connected 1$/m)
    assert.equal((await get({ port, path: '/metrics?x=1' })).status, 200)
    assert.equal((await get({ port, path: '/' })).status, 404)
    assert.equal((await get({ port, method: 'POST' })).status, 405)
    const head = await get({ port, method: 'HEAD' })
    assert.deepEqual([head.status, head.text], [200, ''])
  })

  test('answers at a path, for owner and group, and removes it', async (t) => {
    const at = await scene(t)
    const path = join(at.dir, 'metrics.sock')
    const server = await open(t, { path }, at)
    assert.equal(statSync(path).mode & 0o777, 0o660)
    assert.match((await get({ socketPath: path })).text, /^macipd_relay_up 1$/m)
    await server.close()
    assert.ok(!existsSync(path))
  })

  test('tells of a relay that is gone, and of one that hangs', async (t) => {
    const at = await scene(t)
    const { port } = await open(t, ANY, at)
    await at.fakeRelay.close()
    const gone = await get({ port })
    assert.match(gone.text, /^macipd_relay_up 0$/m)
    assert.match(gone.text, /^macipd_bindings\{/m)
    const hanging = createServer(() => undefined).listen(at.relay)
    await once(hanging, 'listening')
    t.after(() => hanging.close())
    const other = await open(t, ANY, at)
    assert.match((await get({ port: other.port })).text, /^macipd_relay_up 0$/m)
  })

  test('asks once for all who ask at the same time, and ends who asks too much', async (t) => {
    const at = await scene(t)
    const { port = 0 } = await open(t, ANY, at)
    const texts = await Promise.all(Array.from({ length: 8 }, () => get({ port })))
    assert.ok(texts.every(({ status }) => status === 200))
    assert.equal(new Set(texts.map(({ text }) => text)).size, 1)
    assert.equal(at.asked(), 1)

    // garbage, and headers without end
    for (const bytes of ['\0\0\0\n\n', `GET /metrics HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`]) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined)
      socket.write(bytes)
      socket.resume()
      await once(socket, 'close')
    }
    const idle = Array.from({ length: 24 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
    // those beyond the limit are closed at once, the others later
    await Promise.all(idle.map((socket) => once(socket.resume(), 'close')))
    assert.equal((await get({ port })).status, 200)
  })

  test('that finds its place taken leaves the snooper alone', async (t) => {
    const at = await scene(t)
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.after(() => other.close())
    const address = other.address()
    assert.ok(address !== null && typeof address === 'object')
    const server = await open(t, { ip: '127.0.0.1', port: address.port }, at)
    assert.equal(server.port, undefined)
    const directory = join(at.dir, 'closed')
    mkdirSync(directory)
    chmodSync(directory, 0o500)
    writeFileSync(join(directory, 'metrics.sock'), '')
    await open(t, { path: join(directory, 'metrics.sock') }, at)
    assert.equal(readFileSync(join(directory, 'metrics.sock'), 'utf8'), '')
  })
})

test('only this machine may be named in the configuration', () => {
  const listen = (text: string): MetricsOptions | undefined =>
    snoopOptions({}, parseConfig(`metrics: { listen: ${text} }`, 'f')).metrics
  assert.deepEqual(listen('127.0.0.1:9430'), { listen: { ip: '127.0.0.1', port: 9430 }, perPort: false })
  assert.deepEqual(listen("'[::1]:9430'")?.listen, { ip: '::1', port: 9430 })
  assert.deepEqual(listen('/run/macipd/metrics.sock')?.listen, { path: '/run/macipd/metrics.sock' })
  for (const wrong of ['0.0.0.0:9430', '192.0.2.1:9430', "'[::]:9430'", 'localhost:9430', '9430', 'metrics.sock'])
    assert.throws(() => listen(wrong), /f:1:20: metrics\.listen: expected a loopback address with a port/, wrong)
  assert.throws(() => listen('/run/macipd/snoop.sock'), /control and metrics\.listen are the same path/)
  assert.equal(snoopOptions({}, {}).metrics, undefined)
})
