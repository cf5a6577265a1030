// What has passed is counted over all sessions, and does not become less when one ends.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '../../lab/wait.js'
import { askRelay } from '../../src/cli/queries.js'
import type { RelayReport } from '../../src/cli/report.js'
import { NUMBERS, OPENINGS, macIpAdd, vniAdd } from '../zapi/build.js'
import { RelayRig } from './rig.js'

const N = NUMBERS['8.4']
const { hello, capabilities } = OPENINGS['8.4']

test('sums of sessions that run and of those that have ended', async () => {
  await using rig = new RelayRig()
  const server = await rig.startZebra()
  await rig.start()
  const opening = Buffer.concat([capabilities, vniAdd(N), macIpAdd(N, 'bc:24:11:00:00:01', '')])
  const once = { bytesToBgpd: opening.length, bytesToZebra: hello.length, framesToBgpd: 3, framesToZebra: 1 }
  for (const sessions of [1, 2]) {
    const bgpd = await rig.bgpd()
    bgpd.socket.write(hello)
    const zebra = await server.accept()
    await zebra.take(hello.length)
    zebra.socket.write(opening)
    await bgpd.take(opening.length)
    const expected = Object.fromEntries(Object.entries(once).map(([name, value]) => [name, value * sessions]))
    assert.deepEqual((await ask(rig)).passed, { ...expected, injected: 0, dropped: 0 })
    bgpd.socket.destroy()
    zebra.socket.destroy()
    const ended = await waitFor(
      'the session to end',
      () => ask(rig),
      (report) => report.sessions.length === 0,
      { context: () => rig.log },
    )
    assert.deepEqual(ended.passed, { ...expected, injected: 0, dropped: 0 })
  }
})

async function ask(rig: RelayRig): Promise<RelayReport> {
  const answer = await askRelay(rig.path('control'))
  assert.ok(answer.running)
  return answer
}
