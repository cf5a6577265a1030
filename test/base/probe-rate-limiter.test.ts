import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProbeRateLimiter } from '../../src/base/probe-rate-limiter.js'

const RATE = { perPort: 10, total: 25 }
const BURST_MS = 100
/** What a port that was idle may have at once. */
const BURST = 1 + (RATE.perPort * BURST_MS) / 1000

test('no port gets more than its rate, over any time, however much is asked for', () => {
  const asked = fc.array(fc.record({ port: fc.nat(3), wait: fc.nat(300) }), { maxLength: 200 })
  fc.assert(
    fc.property(asked, (asked) => {
      const limiter = new ProbeRateLimiter(BURST_MS)
      const times = new Map<number, number[]>()
      let now = 0
      for (const { port, wait } of asked) {
        const at = limiter.reserve(port, (now += wait), RATE)
        assert.ok(at >= now)
        times.set(port, [...(times.get(port) ?? []), at])
      }
      for (const ofPort of times.values()) {
        for (const [first, from] of ofPort.entries()) {
          for (const [more, to] of ofPort.slice(first).entries()) {
            const allowed = ((to - from) / 1000) * RATE.perPort + BURST
            assert.ok(more + 1 <= allowed + 1e-6, `${more + 1} in ${to - from} ms`)
          }
        }
      }
    }),
  )
})

test('all ports together get no more than the rate of all', () => {
  const limiter = new ProbeRateLimiter(BURST_MS)
  const times = Array.from({ length: 100 }, (_, index) => limiter.reserve(index, 0, RATE)).sort((a, b) => a - b)
  assert.ok((times.at(-1) ?? 0) >= (100 / RATE.total) * 1000 - 200)
  assert.ok((times.at(-1) ?? 0) <= (100 / RATE.total) * 1000)
})

test('nor does a port get more for having waited for the others', () => {
  const limiter = new ProbeRateLimiter(BURST_MS)
  for (let ifindex = 10; ifindex < 100; ifindex++) limiter.reserve(ifindex, 0, RATE)
  const times = Array.from({ length: 20 }, () => limiter.reserve(1, 0, RATE))
  assert.ok(Math.max(...times) - Math.min(...times) >= ((20 - BURST) / RATE.perPort) * 1000 - 1e-6)
})

test('a port with much to ask does not keep another one waiting', () => {
  const limiter = new ProbeRateLimiter(BURST_MS)
  for (let n = 0; n < 50; n++) limiter.reserve(1, 0, { perPort: 1, total: 1000 })
  assert.equal(limiter.reserve(2, 0, { perPort: 1, total: 1000 }), 0)
})

test('a time that would come too late is not taken', () => {
  const limiter = new ProbeRateLimiter(BURST_MS)
  const rate = { perPort: 1, total: 1000 }
  assert.equal(limiter.reserveBefore(1, 0, 500, rate), 0)
  for (let n = 0; n < 10; n++) assert.equal(limiter.reserveBefore(1, 0, 500, rate), undefined)
  assert.equal(limiter.reserveBefore(1, 1000, 1500, rate), 1000)
})

test('nothing is kept of a port that is gone', () => {
  const limiter = new ProbeRateLimiter(BURST_MS)
  const rate = { perPort: 0.001, total: 1000 }
  limiter.reserve(1, 0, rate)
  assert.equal(limiter.reserveBefore(1, 200, 200, rate), undefined)
  limiter.forget(1)
  assert.equal(limiter.reserveBefore(1, 200, 200, rate), 200)
})
