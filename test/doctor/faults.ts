// Faults of a node, each as it comes about, what finds it, and how it is cured.
import { appendFileSync, copyFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { unansweredFrame } from '../../lab/frames.js'
import type { Status } from '../../src/cli/doctor/result.js'
import { withProgram } from '../snoop/bpf/clang.js'
import { type DoctoredNode, RELAY } from './doctored-node.js'

export type Fault = {
  name: string
  /** The check that finds it, and how bad it is. */
  id: string
  status: Status
  plant: (node: DoctoredNode) => unknown
  /** `typed`: what the doctor says is typed as it is. */
  cure: 'typed' | ((node: DoctoredNode) => unknown)
  /** The VM speaks when it is cured: the bridge has forgotten it. */
  isHeardAfterwards?: true
}

/** A cure after which the VM has to speak again, as its bindings have been lost. */
const speaking =
  (cure: (node: DoctoredNode) => unknown) =>
  async (node: DoctoredNode): Promise<void> => {
    await cure(node)
    await node.fabric.lab.converged()
    await node.fabric.learn()
  }

const kill =
  (name: 'bgpd' | 'snoop' | 'relay', signal: NodeJS.Signals = 'SIGTERM') =>
  ({ near }: DoctoredNode) =>
    near.kill(name, signal)

const restartBgpd = speaking(async ({ near }) => {
  await near.kill('bgpd')
  await near.startBgpd({ zapi: RELAY })
})

const signal =
  (name: 'bgpd' | 'relay' | 'snoop', signal: NodeJS.Signals) =>
  ({ near }: DoctoredNode): boolean =>
    process.kill(near.daemon(name).pid, signal)

const ip =
  (...lines: string[]) =>
  ({ near }: DoctoredNode): Promise<unknown> =>
    near.ip(...lines)

const bridgeLink =
  (...words: string[]) =>
  ({ near }: DoctoredNode): Promise<unknown> =>
    near.exec(['bridge', 'link', 'set', 'dev', 'vx100', ...words])

const startSnoop =
  (...options: string[]) =>
  async (node: DoctoredNode): Promise<void> => {
    await node.near.kill('snoop')
    await node.near.startSnoop(...options)
  }

/** Frames on the VM's port meet a program of XDP first. */
async function attachXdp({ near, fabric: { vm } }: DoctoredNode): Promise<void> {
  const object = vm.file('xdp.o')
  withProgram(
    'return XDP_PASS;',
    (path) => {
      copyFileSync(path, object)
    },
    'xdp',
  )
  await near.exec(['ip', 'link', 'set', 'dev', vm.port, 'xdpgeneric', 'object', object, 'section', 'xdp'])
}

/** Frames on the VM's port meet a filter of tc after the snooper. */
async function addFilter({ near, fabric: { vm } }: DoctoredNode): Promise<void> {
  await near.exec(['tc', 'qdisc', 'add', 'dev', vm.port, 'clsact'])
  const match = ['u32', 'match', 'u32', '0', '0', 'flowid', '1:1']
  await near.exec(['tc', 'filter', 'add', 'dev', vm.port, 'ingress', 'protocol', 'all', ...match])
}

/** A host of each node has the same MAC, and both speak in turn. */
async function moveOften({ near, fabric }: DoctoredNode): Promise<void> {
  const { lab, far, vm, farVm } = fabric
  await near.configure('router bgp 65000', 'address-family l2vpn evpn', 'dup-addr-detection max-moves 2 time 1800')
  for (let moves = 0; moves < 3; moves++) {
    farVm.send(unansweredFrame(vm.mac))
    await lab.advertisedBy(far, vm.mac)
    vm.send(unansweredFrame(vm.mac))
    await lab.advertisedBy(near, vm.mac)
  }
}

export const FAULTS: readonly Fault[] = [
  {
    ...{ name: 'the block is not in the file', id: 'hook', status: 'fail' },
    plant: (node) => node.hook('remove'),
    cure: (node) => node.hook('install'),
  },
  {
    ...{ name: 'the block is damaged', id: 'hook', status: 'fail' },
    plant: ({ daemons }) => {
      writeFileSync(daemons, readFileSync(daemons, 'utf8').replace(/# END macipd\n/, ''))
    },
    cure: async (node) => {
      appendFileSync(node.daemons, '# END macipd\n')
      await node.hook('install')
    },
  },
  {
    ...{ name: 'the hook is turned off', id: 'hook-disabled', status: 'fail' },
    plant: ({ near }) => {
      writeFileSync(near.path('/run/macipd/disabled'), '')
    },
    cure: 'typed',
  },
  {
    ...{ name: 'watchfrr has ended', id: 'watchfrr', status: 'warn' },
    plant: ({ near }) => near.daemon('watchfrr').kill(),
    cure: ({ near }) => near.startWatchfrr(),
  },
  {
    ...{ name: 'zebra’s FPM is not configured', id: 'fpm', status: 'warn' },
    plant: ({ near }) => near.configure('no fpm address'),
    cure: 'typed',
  },
  {
    ...{ name: 'bgpd does not advertise VNIs', id: 'advertise-all-vni', status: 'fail' },
    plant: ({ near }) => near.configure('router bgp 65000', 'address-family l2vpn evpn', 'no advertise-all-vni'),
    cure: 'typed',
  },
  {
    ...{ name: 'bgpd has ended', id: 'frr-running', status: 'fail' },
    plant: kill('bgpd'),
    cure: speaking(({ near }) => near.startBgpd({ zapi: RELAY })),
  },
  {
    ...{ name: 'bgpd hangs', id: 'frr-running', status: 'fail' },
    plant: signal('bgpd', 'SIGSTOP'),
    cure: speaking(signal('bgpd', 'SIGCONT')),
  },
  {
    ...{ name: 'a MAC is on both nodes in turn', id: 'duplicate-macs', status: 'warn' },
    plant: moveOften,
    cure: speaking(({ near }) => near.vtysh('clear evpn dup-addr vni all')),
  },
  {
    ...{ name: 'bgpd was started without -z', id: 'bgpd-option', status: 'fail' },
    plant: async ({ near }) => {
      await near.kill('bgpd')
      await near.startBgpd()
    },
    cure: restartBgpd,
  },
  {
    ...{ name: 'bgpd has another -z', id: 'bgpd-option', status: 'fail' },
    plant: async ({ near }) => {
      await near.kill('bgpd')
      await near.startBgpd({ zapi: '/run/frr/zserv.api' })
    },
    cure: restartBgpd,
  },
  {
    ...{ name: 'bgpd has connected to zebra while no relay was there', id: 'bgpd-relayed', status: 'fail' },
    plant: async ({ near, fabric }) => {
      await near.kill('bgpd')
      await near.kill('relay')
      rmSync(near.path(RELAY), { force: true })
      symlinkSync('/run/frr/zserv.api', near.path(RELAY))
      await near.startBgpd({ zapi: RELAY })
      await fabric.lab.converged()
      await fabric.startRelay(near)
    },
    cure: restartBgpd,
  },
  {
    ...{ name: 'the relay has ended', id: 'relay-not-running', status: 'fail' },
    plant: kill('relay'),
    cure: speaking(async (node) => {
      await node.near.kill('bgpd')
      await node.fabric.startRelay(node.near)
      await node.near.startBgpd({ zapi: RELAY })
    }),
  },
  {
    ...{ name: 'the relay’s keeper hangs', id: 'keeper-hung', status: 'fail' },
    plant: signal('relay', 'SIGSTOP'),
    cure: signal('relay', 'SIGCONT'),
  },
  {
    ...{ name: 'the snooper has ended', id: 'snooper-not-running', status: 'fail' },
    plant: kill('snoop'),
    cure: ({ near }) => near.startSnoop(),
  },
  {
    ...{ name: 'the snooper hangs', id: 'snooper-hung', status: 'fail' },
    plant: signal('snoop', 'SIGSTOP'),
    cure: signal('snoop', 'SIGCONT'),
  },
  {
    ...{ name: 'the snooper only observes', id: 'observe-mode', status: 'warn' },
    plant: startSnoop('--observe'),
    cure: startSnoop(),
  },
  {
    ...{ name: 'an XDP program is on a port', id: 'programs-before', status: 'warn' },
    plant: attachXdp,
    cure: ({ near, fabric }) => near.exec(['ip', 'link', 'set', 'dev', fabric.vm.port, 'xdpgeneric', 'off']),
  },
  {
    ...{ name: 'a tc filter behind the snooper may drop', id: 'filters', status: 'warn' },
    plant: addFilter,
    cure: ({ near, fabric }) => near.exec(['tc', 'qdisc', 'del', 'dev', fabric.vm.port, 'clsact']),
  },
  {
    ...{ name: 'another tool of this kind runs', id: 'rivals', status: 'warn' },
    plant: ({ near }) => near.spawn('rival', ['bash', '-c', 'exec -a neighsnoopd sleep infinity']),
    cure: ({ near }) => near.daemon('rival').kill(),
  },
  {
    ...{ name: 'the bridge learns no MAC', id: 'age', status: 'fail' },
    plant: ip('link set br0 type bridge ageing_time 0'),
    ...{ cure: 'typed', isHeardAfterwards: true },
  },
  {
    ...{ name: 'a port of the bridge shares the wire of the underlay', id: 'uplinks', status: 'warn' },
    plant: ip('link add link fabric name up1 type macvlan mode private', 'link set up1 master br0 up'),
    cure: ip('link del up1'),
  },
  {
    ...{ name: 'the VXLAN device is in no bridge', id: 'vxlan', status: 'fail' },
    plant: ip('link set vx100 nomaster'),
    cure: speaking(async (node) => {
      await node.near.ip('link set vx100 master br0', 'link set vx100 type bridge_slave neigh_suppress on learning off')
    }),
  },
  {
    ...{ name: 'the VXLAN device is down', id: 'vxlan', status: 'fail' },
    plant: ip('link set vx100 down'),
    cure: 'typed',
  },
  {
    ...{ name: 'the bridge learns from the tunnel', id: 'vxlan-learning', status: 'warn' },
    plant: bridgeLink('learning', 'on'),
    cure: 'typed',
  },
  {
    ...{ name: 'the VXLAN device learns from the tunnel', id: 'vxlan-learning', status: 'warn' },
    plant: ip('link set vx100 type vxlan learning'),
    cure: 'typed',
  },
  {
    ...{ name: 'ARP and ND are not suppressed', id: 'neigh-suppress', status: 'warn' },
    plant: bridgeLink('neigh_suppress', 'off'),
    cure: 'typed',
  },
  {
    ...{ name: 'IPv6 is off on the bridge', id: 'bridge-ipv6', status: 'warn' },
    plant: ({ near }) => near.exec(['sysctl', '-qw', 'net.ipv6.conf.br0.disable_ipv6=1']),
    cure: 'typed',
  },
]
