// A snooper in this process, with the real kernel below it and a relay that a test plays.
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { DEFAULT_POLICY, type Policy } from '../../src/bindings/policy.js'
import type { Binding } from '../../src/bindings/model.js'
import { BpfSnooper } from '../../src/snoop/bpf/snooper.js'
import { Ports } from '../../src/snoop/ports/ports.js'
import { Snooper } from '../../src/snoop/snooper.js'
import { FakeRelay } from '../snoop/fake-relay.js'
import { FakeProbeOutlet, noVxlan } from '../snoop/fake-sources.js'
import { silent, tempDir } from '../support.js'

export const VNI = 100

export type Rig = {
  snooper: Snooper
  ports: Ports
  /** Records what would be asked. */
  outlet: FakeProbeOutlet
  relay: FakeRelay
  /** Port and phase of the binding of an IP, if there is one. */
  placeOf: (ip: string) => string | undefined
  /** Resolves when `what` holds, which is looked at after each change that could make it so. */
  until: (what: () => boolean) => Promise<void>
}

/** Starts a snooper on the bridges of this network namespace; every frame is news to it. */
export async function snoop(t: TestContext, policy: Partial<Policy> = {}): Promise<Rig> {
  const dir = tempDir(t)
  const relay = await FakeRelay.listen(t, join(dir, 'relay.sock'))
  const outlet = new FakeProbeOutlet()
  let ports: Ports | undefined
  const options = {
    relay: join(dir, 'relay.sock'),
    zebra: join(dir, 'zserv.api'),
    control: join(dir, 'snoop.sock'),
    repeatIntervalMs: 0,
    exclude: [],
    policy: { ...DEFAULT_POLICY, ageMs: 1800_000, ...policy },
    statics: [],
    rate: { perSecond: 0, burst: 1 },
    learnNs: false,
    heedFilters: false,
    probeSources: [],
    stateFile: undefined,
    stateAgeMs: 86_400_000,
    fpm: { listen: 'none', allowRemote: false, forward: undefined, ensure: false, recentBytes: 0 } as const,
    logLevel: 'info' as const,
  }
  const snooper = await Snooper.start(options, silent, {
    source: () => BpfSnooper.open({ repeatIntervalMs: 0, log: silent }),
    vxlan: noVxlan,
    outlet: () => outlet,
    ports: async () => (ports = await Ports.open({ log: silent })),
  })
  t.after(() => snooper.stop())
  await relay.until(() => relay.told.includes('reconciled'))
  const until = async (what: () => boolean): Promise<void> => {
    while (!what()) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const show = ({ anchor, phase }: Binding): string => `${anchor.port} ${phase}`
  const placeOf = (ip: string): string | undefined => {
    const binding = snooper.table.find(VNI, ip)
    return binding && show(binding)
  }
  if (ports === undefined) throw new Error('the snooper did not open its ports')
  return { snooper, ports, outlet, relay, placeOf, until }
}
