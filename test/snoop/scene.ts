// A snooper with stand-ins for everything around it.
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { DEFAULT_POLICY } from '../../src/bindings/policy.js'
import type { SnoopOptions } from '../../src/config/options.js'
import { Snooper } from '../../src/snoop/snooper.js'
import { silent, tempDir } from '../support.js'
import { FakeRelay } from './fake-relay.js'
import { FakeEvidenceSource, FakePorts, FakeProbeOutlet, noVxlan } from './fake-sources.js'

export type Scene = {
  relay: FakeRelay
  ports: FakePorts
  source: FakeEvidenceSource
  outlet: FakeProbeOutlet
  options: SnoopOptions
  start: () => Promise<Snooper>
}

export async function scene(t: TestContext, changes: Partial<SnoopOptions> = {}): Promise<Scene> {
  const dir = tempDir(t)
  const options: SnoopOptions = {
    relay: join(dir, 'relay.sock'),
    zebra: join(dir, 'zserv.api'),
    control: join(dir, 'snoop.sock'),
    repeatIntervalMs: 30_000,
    exclude: [],
    policy: { ...DEFAULT_POLICY, ageMs: 1800_000 },
    statics: [],
    rate: { perSecond: 1000, burst: 2000 },
    learnNs: false,
    heedFilters: false,
    probeSources: [],
    stateFile: undefined,
    stateAgeMs: 86_400_000,
    fpm: { listen: 'none', allowRemote: false, forward: undefined, ensure: false, recentBytes: 0 },
    logLevel: 'info',
    ...changes,
  }
  const relay = await FakeRelay.listen(t, options.relay)
  const ports = new FakePorts()
  const source = new FakeEvidenceSource()
  const outlet = new FakeProbeOutlet()
  const start = async (): Promise<Snooper> => {
    const sources = {
      source: () => source,
      vxlan: noVxlan,
      outlet: () => outlet,
      ports: () => Promise.resolve(ports),
    }
    const snooper = await Snooper.start(options, silent, sources)
    t.after(() => snooper.stop())
    return snooper
  }
  return { relay, ports, source, outlet, options, start }
}
