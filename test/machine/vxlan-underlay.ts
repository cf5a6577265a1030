// VXLAN over a VLAN device of the underlay. Needs a kernel with VLAN devices.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { VxlanClaim } from '../../src/control/vxlan-codec.js'
import { VxlanSnooper } from '../../src/snoop/bpf/vxlan-snooper.js'
import { ifindexOf } from '../claims/devices.js'
import { enterNewNetworkNamespace, ip } from '../rtnetlink/namespace.js'
import { arp } from '../snoop/bpf/frames.js'
import { OUR_VTEP, VTEP } from '../snoop/bpf/vxlan-packets.js'
import { openSender } from '../snoop/packet.js'

const VNI = 100
const UNLIMITED = { perSecond: 0, burst: 0 }

for (const device of ['under', 'under20'])
  test(`what a VXLAN device sends in a VLAN is seen on ${device}`, (t) => {
    enterNewNetworkNamespace()
    ip('link add under up type veth peer name far', 'link set far up')
    for (const end of ['under', 'far']) ip(`link add link ${end} name ${end}20 up type vlan id 20`)
    ip(`addr add ${VTEP}/24 dev far20`, `neigh add ${OUR_VTEP} lladdr 02:00:00:00:0f:02 dev far20 nud permanent`)
    ip(`link add vx up type vxlan id ${VNI} local ${VTEP} remote ${OUR_VTEP} dev far20 dstport 4789`)
    const snooper = VxlanSnooper.open({ log: pino({ enabled: false }) })
    const sender = openSender(ifindexOf('vx'))
    t.after(() => {
      snooper.close()
      sender.close()
    })
    snooper.configure({
      interfaces: [device],
      udpPorts: [4789],
      vnis: [VNI],
      sources: [{ ip: '0.0.0.0', length: 0 }],
      destinations: [OUR_VTEP],
      ...{ repeatIntervalMs: 0, rate: UNLIMITED, totalRate: UNLIMITED, asker: undefined },
    })
    snooper.attach(ifindexOf(device))
    sender.send(arp({ senderIp: '192.0.2.77' }))
    const claims: VxlanClaim[] = []
    while (snooper.drain((claim) => claims.push(claim)) > 0);
    const heard = claims.filter(({ kind }) => kind === 'arp-request').map(({ vni, vtep, ip }) => [vni, vtep, ip])
    assert.deepEqual(heard, [[VNI, VTEP, '192.0.2.77']])
  })
