// What zebra shows of EVPN is understood in the shapes of all releases.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { showMacs } from '../../src/vty/evpn-show.js'
import { Vty } from '../../src/vty/vty.js'
import { tempDir } from '../support.js'

/** Answers every question with the same JSON, three NULs and CMD_SUCCESS. */
async function fakeZebraVty(t: TestContext, answer: unknown): Promise<Vty> {
  const path = join(tempDir(t), 'zebra.vty')
  const server = createServer((socket) => {
    socket.on('data', () => socket.write(`${JSON.stringify(answer)}\0\0\0\0`))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.after(() => server.close())
  const vty = await Vty.open(path, 5000)
  t.after(() => {
    vty[Symbol.dispose]()
  })
  return vty
}

const MAC = '02:00:00:00:00:01'
const REMOTE = { type: 'remote', remoteVtep: '192.0.2.2', remoteSequence: 3 }
const SHOWN = [{ vni: 100, mac: MAC, type: 'remote', vtep: '192.0.2.2', seq: 3, sticky: false }]

suite('the MACs of a VNI', () => {
  for (const [where, answer] of [
    ['beside them', { 100: { numMacs: 1, macs: { [MAC]: REMOTE } } }],
    // 10.7 from 50 MACs on
    ['among them', { 100: { macs: { [MAC]: REMOTE, numMacs: 1 } } }],
  ] as const)
    test(`with their number ${where}`, async (t) => {
      const zebra = await fakeZebraVty(t, answer)
      const macs = []
      for await (const mac of showMacs(zebra)) macs.push(mac)
      assert.deepEqual(macs, SHOWN)
    })
})
