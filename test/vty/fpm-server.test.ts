// Which FPM server zebra is to have, and when it keeps another one.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { serverFor, wantedServer } from '../../src/vty/fpm-server.js'

const HERE = { ip: '127.0.0.1', port: 2620 }

suite('the server that zebra is to have', () => {
  const none = { server: undefined, nexthopGroups: true, isOldModule: false }
  const listening = [HERE, { ip: '::1', port: 2620 }]

  test('is where the snooper listens', () => {
    assert.deepEqual(wantedServer(none, listening, false), HERE)
    assert.deepEqual(wantedServer({ ...none, server: { ip: '::1', port: 2620 } }, listening, false), {
      ...{ ip: '::1', port: 2620 },
    })
    assert.deepEqual(serverFor({ ip: '::', port: 7 }), { ip: '::1', port: 7 })
    assert.deepEqual(serverFor({ ip: '0.0.0.0', port: 7 }), { ip: '127.0.0.1', port: 7 })
  })

  test('is that of the operator where zebra is connected through it', () => {
    const server = { ip: '192.0.2.1', port: 2620 }
    const everywhere = [{ ip: '0.0.0.0', port: 2620 }]
    assert.deepEqual(wantedServer({ ...none, server }, everywhere, true), server)
    assert.equal('state' in wantedServer({ ...none, server }, everywhere, false), true)
    assert.deepEqual(wantedServer({ ...none, server: HERE }, everywhere, false), HERE)
    assert.equal('state' in wantedServer({ ...none, server: { ip: '127.0.0.1', port: 7 } }, listening, false), true)
  })
})
