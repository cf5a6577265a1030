// What operators see of zebra's FPM connection, with real zebras.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { run } from '../support.js'
import { macipctl, type Result } from '../../lab/in-process.js'
import { Fabric } from '../../lab/fabric.js'
import { arpAnnouncement } from '../../lab/frames.js'
import { RELEASES } from '../../lab/frr.js'
import type { Vm } from '../../lab/vm.js'

const HOST = '203.0.113.7'

/** Another FPM server: writes what comes to a file. */
const SINK = `require('net').createServer(s=>s.pipe(require('fs').createWriteStream(process.argv[1],{flags:'a'}))).listen(2621,'127.0.0.1',()=>console.log('listening'))`

suite('macipctl and zebra’s FPM connection', { concurrency: true }, () => {
  for (const frr of RELEASES) {
    test(`FRR ${frr}: frames, MACs, routes, a comparison, and the same bytes for another server`, async () => {
      await using fabric = await Fabric.start({ frr, near: { config: 'fpm: { forward: "127.0.0.1:2621" }\n' } })
      const { lab, near, far, farVm } = fabric
      await far.ip(`link set ${farVm.port} down`)
      const files = { copy: near.path('/run/macipd/copy'), capture: near.path('/run/macipd/fpm.pcapng') }
      const sockets = ['--relay', near.path('/run/macipd/relay.sock'), '--snoop', near.path('/run/macipd/snoop.sock')]
      const ask = async (...args: string[]): Promise<Result> => {
        const own = args[0] === 'check' || args[0] === 'status' ? sockets : sockets.slice(2)
        return macipctl(...args, ...own)
      }
      const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await ask(...args, '--json')).stdout) as T

      const before = await ask('check')
      assert.deepEqual([before.code, before.stderr], [0, ''])
      assert.match(before.stdout, /^NOT COMPARED: a source is missing\n\n- zebra has not connected its FPM/)
      assert.match((await ask('status')).stdout, /^OK\n {2}- no cross-check with FPM/)

      const sink = await near.spawn('sink', [process.execPath, '-e', SINK, files.copy])
      await lab.waitFor(
        'the sink to listen',
        () => sink.log(),
        (log) => log.includes('listening'),
      )
      await near.startStaticd()
      await near.configure(`ip route ${HOST}/32 ${far.address}`, 'fpm address 127.0.0.1', 'no fpm use-next-hop-groups')
      await lab.waitFor(
        'zebra to connect',
        () => ask('status'),
        ({ stdout }) => stdout.includes('zebra is connected'),
        { timeoutMs: 60_000 },
      )

      await far.ip(`link set ${farVm.port} up`)
      type Macs = { macs: { mac: string; vtep: string; vni: number | null; freshness: string }[] }
      const macs = await lab.waitFor(
        'zebra to program the far VM',
        async () => {
          speak(farVm)
          return (await json<Macs>('show', 'fpm', 'macs')).macs
        },
        (macs) => macs.some(({ mac }) => mac === farVm.mac),
      )
      const [mac] = macs
      assert.equal(mac?.vtep, far.address)
      assert.equal(mac.freshness, 'live')
      assert.equal(mac.vni, 100)
      type Routes = { routes: { ip: string; paths: { gateway: string }[] }[] }
      const { routes } = await json<Routes>('show', 'fpm', 'routes', HOST)
      assert.deepEqual(
        routes.map(({ ip, paths }) => [ip, paths.map(({ gateway }) => gateway)]),
        [[HOST, [far.address]]],
      )

      type Check = { agree: boolean; compared: { macs: number }; notComparable: { unclear: number } }
      const checked = await lab.waitFor(
        'bgpd to agree',
        () => json<Check>('check'),
        ({ agree }) => agree,
      )
      assert.deepEqual([checked.compared.macs, checked.notComparable.unclear], [1, 0])

      const dump = await ask('fpm', 'dump', farVm.mac)
      assert.match(dump.stdout, new RegExp(`\\d +\\+ mac +${farVm.mac} vtep ${far.address}`))
      const written = await ask('fpm', 'dump', '--write', files.capture)
      assert.equal(written.code, 0, written.stderr)
      const fields = ['-T', 'fields', '-e', 'netlink-route.nltype', '-e', '_ws.malformed']
      const tshark = await run('tshark', ['-r', files.capture, '-Y', 'netlink', ...fields])
      assert.equal(tshark.code, 0, tshark.stderr)
      const rows = tshark.stdout.replace(/\n$/, '').split('\n')
      const types = new Set(rows.flatMap((row) => (row.split('\t')[0] ?? '').split(',')))
      assert.ok(types.has('28') && types.has('24'), 'RTM_NEWNEIGH and RTM_NEWROUTE')
      assert.ok(
        rows.every((row) => row.endsWith('\t')),
        'nothing malformed',
      )

      // macipd hands on what it gets; of the last connection, the sink has it all
      type Shown = { type: string; connection: number; time: number; hex?: string }
      const shown = (await ask('fpm', 'dump', '--last', 'all', '--hex', '--json')).stdout.trimEnd().split('\n')
      const frames = shown.map((line) => JSON.parse(line) as Shown).filter(({ hex }) => hex !== undefined)
      const connection = frames.at(-1)?.connection
      const expected = frames.filter((it) => it.connection === connection).map(({ hex = '' }) => hex)
      await lab.waitFor(
        'the other server to have every frame',
        () => readFileSync(files.copy).toString('hex'),
        (copy) => expected.length > 0 && expected.every((hex) => copy.includes(hex)),
      )
    })
  }
})

function speak(vm: Vm): void {
  vm.send(arpAnnouncement(vm))
}
