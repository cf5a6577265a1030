// On Debian 12's own kernel: its verifier is stricter than that of newer ones, it has no TCX, and it has VRFs and VLANs,
// which the kernel of a container's host may lack.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { ROOT } from '../../lab/frr.js'
import { KERNEL, runInMachine } from '../../lab/machine.js'

/** Runs compiled test files in a virtual machine; fails with what they printed. */
async function passes(files: readonly string[]): Promise<void> {
  const tests = files.map((file) => join(ROOT, 'dist/test', file))
  const argv = [process.execPath, '--enable-source-maps', '--test', '--test-reporter=spec', '--test-concurrency=1']
  const { exitCode, output, console } = await runInMachine([...argv, ...tests])
  assert.equal(exitCode, 0, `${output}\n${exitCode === undefined ? console : ''}`)
  assert.match(output, /^ℹ pass [1-9]/m)
}

const inSnoop = readdirSync(join(ROOT, 'dist/test/snoop/bpf')).filter((name) => name.endsWith('.test.js'))

suite(`Linux ${KERNEL}`, { concurrency: 2 }, () => {
  test('the eBPF programs load with few privileges, and see, forget and limit as they should', () =>
    passes(inSnoop.map((name) => `snoop/bpf/${name}`)))

  test('bridges with VLANs', () => passes(['machine/vlan.js', 'machine/vlan-protocol.js', 'machine/vlan-state.js']))

  test('VXLAN over a VLAN device of the underlay', () => passes(['machine/vxlan-underlay.js']))

  test('one device for many VNIs', () => passes(['machine/many-vnis.js']))

  test("what the bridge's own filters drop, if they are heeded", () => passes(['machine/heed-filters.js']))

  test('a host behind an Ethernet segment', () => passes(['machine/segment.js']))

  test('a host behind an Ethernet segment whose links take turns', () => passes(['machine/segment-links.js']))

  test('an address that leaves an Ethernet segment', () => passes(['machine/segment-move.js']))

  test('a tenant whose subnet is routed', () => passes(['machine/tenant.js']))
})
