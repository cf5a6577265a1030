// A process says how many descriptors it may open, also when there is none to look with.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { descriptorUse } from '../../src/os/descriptor-limit.js'

const SOURCE = new URL('../../src/os/descriptor-limit.js', import.meta.url).href
const ANSWERS = `const { descriptorsLeft } = await import('${SOURCE}')
process.on('message', () => process.send({ left: descriptorsLeft() }))
process.send('ready')`

async function leftOf(child: ChildProcess): Promise<number | undefined> {
  child.send('how many')
  const [{ left }] = (await once(child, 'message')) as [{ left?: number }]
  return left
}

test('a process knows how many descriptors it may open, also if it may open none', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', ANSWERS], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  try {
    await once(child, 'message')
    const pid = child.pid ?? 0
    const limit = (to: number): Buffer => execFileSync('prlimit', ['--pid', `${pid}`, `--nofile=${to}:`])
    const open = readdirSync(`/proc/${pid}/fd`).map(Number)
    const next = Math.max(...open) + 1
    limit(next + 10)
    const use = descriptorUse(pid)
    assert.equal(use?.limit, next + 10)
    // looking takes one
    assert.equal(await leftOf(child), use.limit - use.open - 1)
    limit(0)
    assert.equal(await leftOf(child), 0)
  } finally {
    child.kill('SIGKILL')
  }
})
