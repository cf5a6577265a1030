// What the doctor decides from what it has observed: each fault alone is found by its check, and by no other.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { CHECKS, examine } from '../../../src/cli/doctor/examine.js'
import { FINDINGS } from '../../../src/cli/doctor/checks/findings.js'
import type { Observation } from '../../../src/cli/doctor/observation.js'
import type { Result, Status } from '../../../src/cli/doctor/result.js'
import { fpmStatusReport } from '../../../src/cli/fpm/report.js'
import { SESSION } from '../build-status.js'
import {
  answers,
  BINDING,
  bridge,
  CAPABILITIES,
  configured,
  daemon,
  duplicates,
  frr,
  link,
  network,
  node,
  port,
  units,
  vxlan,
} from './node.js'

const wrong = (seen: Observation): Result[] =>
  examine(seen).filter(({ status }) => status === 'fail' || status === 'warn')

test('nothing is wrong, and nothing unknown, on a node on which all is well', () => {
  assert.deepEqual(
    examine(node()).filter(({ status }) => status !== 'ok'),
    [],
  )
})

const NO_HOOK = { block: undefined, damage: '', hasOwnOption: false, startsBgpd: true }
const ABSENT = { cause: 'absent' } as const
const SILENT = { cause: 'silent', pid: 42, error: 'no answer within 1.5 s' } as const
const { value: usual } = network()
const withLinks = (...links: Parameters<typeof port>[3][]): Partial<Observation> => ({
  network: network({ links: usual.links.map((each, index) => ({ ...each, ...links[index] })) }),
})
const snooped = (...ahead: string[]) => {
  const state = { up: true, attached: 'tcx', error: '', bindings: 0, limited: 0, state: 'forwarding', learning: 'on' }
  return { name: 'tap1', bridge: 'br0', ...state, macs: 0, silentMs: 0, ahead, filters: [] }
}
const fpm = (changes: Parameters<typeof fpmStatusReport>[0]) =>
  answers({}, { fpm: fpmStatusReport({ listening: ['127.0.0.1:2620'], phase: 'disconnected', ...changes }) })

/** The change that is the fault, what finds it, and what is said and to be typed. */
const FAULTS: [id: string, status: Status, changes: Partial<Observation>, what: RegExp, todo: RegExp][] = [
  ['units', 'warn', { systemd: { value: new Map() } }, /no macipd-relay.service and macipd-snoop/, /^apt install/],
  [
    'units',
    'fail',
    { systemd: units({ snoop: { loadState: 'masked' } }) },
    /snoop.service is masked/,
    /^systemctl unmask macipd-snoop/,
  ],
  [
    'units',
    'warn',
    { systemd: units({ relay: { needDaemonReload: true } }) },
    /has changed/,
    /^systemctl daemon-reload$/,
  ],
  [
    'units-enabled',
    'fail',
    { systemd: units({ relay: { unitFileState: 'disabled' } }) },
    /relay.service does not start/,
    /^systemctl enable macipd-relay.service$/,
  ],
  [
    'units-order',
    'fail',
    { systemd: units({ relay: { before: [] } }) },
    /no Before=frr.service/,
    /Before=frr.service$/,
  ],
  [
    'configuration',
    'fail',
    { configured: configured({ mistake: { value: '/etc/macipd/macipd.yaml:3:1: snop: unknown key' } }) },
    /yaml:3:1: snop: unknown key/,
    /EDITOR \/etc\/macipd\/macipd\.yaml/,
  ],
  [
    'room',
    'fail',
    { rooms: [{ path: '/run/macipd', what: 'journal', freeBytes: 4096, isOutOfFiles: false }] },
    /4\.1 kB free/,
    /^df -h \/run\/macipd/,
  ],
  [
    'room',
    'fail',
    { rooms: [{ path: '/run/macipd', what: 'journal', freeBytes: 1 << 30, isOutOfFiles: true }] },
    /no room for another file/,
    /df -i/,
  ],
  [
    'room',
    'warn',
    { rooms: [{ path: '/run/macipd', what: 'journal', freeBytes: 8 << 20, isOutOfFiles: false }] },
    /8\.4 MB free/,
    /^df -h/,
  ],
  [
    'kernel-version',
    'fail',
    { kernel: { ...node().kernel, release: '5.10.0-30-amd64' } },
    /older than 5\.15/,
    /^apt install linux-image/,
  ],
  [
    'bpf-attach',
    'fail',
    {
      status: answers({}, { ports: [{ ...snooped(), attached: '', error: 'EINVAL' }] }),
      kernel: { ...node().kernel, config: { value: new Map([['CONFIG_BPF_SYSCALL', 'y']]) } },
    },
    /without CONFIG_NET_CLS_ACT, CONFIG_NET_CLS_BPF/,
    /^apt install linux-image/,
  ],
  [
    'btf',
    'fail',
    {
      kernel: { ...node().kernel, hasBtf: false },
      configured: configured({ heedsFilters: true }),
      snooperCapabilities: { value: (1n << 41n) - 1n },
    },
    /no BTF/,
    /^apt install linux-image/,
  ],
  [
    'libbpf',
    'fail',
    { addonError: 'libbpf.so.1: cannot open shared object file' },
    /libbpf\.so\.1/,
    /^apt install libbpf1$/,
  ],
  ['node', 'fail', { program: { version: '0.1.0', node: '18.20.4' } }, /older than 20\.19/, /^apt install nodejs/],
  [
    'neighbour-limits',
    'warn',
    { network: network({ neighbours: { ipv4: 1000, ipv6: 1 } }) },
    /1000 of 1024 IPv4/,
    /^sysctl -w net\.ipv4\.neigh\.default\.gc_thresh3=4096$/m,
  ],
  [
    'frr-running',
    'fail',
    { frr: frr({ bgpd: undefined, bgpdSays: { unknown: '' } }), status: answers({ sessions: [], injecting: false }) },
    /^bgpd not running/,
    /^systemctl restart frr.service$/,
  ],
  [
    'frr-running',
    'fail',
    {
      frr: frr({
        bgpd: undefined,
        bgpdSays: { unknown: '' },
        hook: { value: { ...NO_HOOK, block: { fpm: false }, startsBgpd: false } },
      }),
      status: answers({ sessions: [], injecting: false }),
    },
    /^bgpd not running/,
    /^sed -i s\/\^bgpd=no\/bgpd=yes\/ \/etc\/frr\/daemons$/m,
  ],
  ['watchfrr', 'warn', { frr: frr({ watchfrr: undefined }) }, /does not run/, /^systemctl restart frr.service$/],
  [
    'watchfrr',
    'warn',
    { frr: frr({ watched: { value: new Map([['mgmtd', 'Unresponsive']]) } }) },
    /mgmtd unresponsive/,
    /^vtysh -c 'show watchfrr'$/m,
  ],
  [
    'frr-release',
    'fail',
    {
      frr: frr({ zebraSays: { value: { version: '11.0', duplicates: duplicates() } } }),
      status: answers({ release: '', injecting: false, releaseReason: 'HELLO 99' }),
    },
    /FRR 11\.0 is not known/,
    /^# install a newer macipd/,
  ],
  [
    'frr-release',
    'fail',
    { status: answers({ release: '', injecting: false, releaseReason: 'odd HELLO' }) },
    /nothing is announced: odd HELLO/,
    /frr: \{release: '10\.3'\}/,
  ],
  [
    'hook',
    'fail',
    { frr: frr({ hook: { value: NO_HOOK } }) },
    /no block of macipd/,
    /^macipctl hook install --restart-bgpd$/,
  ],
  [
    'hook',
    'fail',
    { frr: frr({ hook: { value: { ...NO_HOOK, damage: 'line 3: odd' } } }) },
    /daemons: line 3: odd/,
    /^macipctl hook install$/m,
  ],
  ['hook', 'fail', { frr: frr({ hasHookScript: false }) }, /the file is missing/, /^apt install --reinstall macipd/],
  [
    'hook-disabled',
    'fail',
    { frr: frr({ disabledBy: '/run/macipd/disabled' }) },
    /disabled is there/,
    /^rm \/run\/macipd\/disabled$/,
  ],
  [
    'bgpd-option',
    'fail',
    {
      frr: frr({ bgpd: daemon(7, 'bgpd', '-d') }),
      status: answers({ sessions: [], injecting: false, bgpdDirect: true }),
    },
    /without -z/,
    /^macipctl hook install --restart-bgpd$/,
  ],
  [
    'bgpd-option',
    'fail',
    { frr: frr({ bgpd: daemon(7, 'bgpd', '-z', '/run/other') }), status: answers({ sessions: [], injecting: false }) },
    /has -z \/run\/other/,
    /--restart-bgpd$/,
  ],
  [
    'bgpd-relayed',
    'fail',
    { status: answers({ sessions: [], injecting: false, bgpdDirect: true }) },
    /connected to zebra directly/,
    /^macipctl hook install --restart-bgpd$/,
  ],
  [
    'bgpd-relayed',
    'fail',
    { status: answers({ sessions: [], injecting: false }) },
    /no connection there/,
    /--restart-bgpd$/,
  ],
  [
    'advertise-all-vni',
    'fail',
    { frr: frr({ bgpdSays: { value: { advertisesAll: false, vnis: [] } } }), status: answers({ vnis: 0 }) },
    /does not advertise VNIs/,
    /'advertise-all-vni'/,
  ],
  [
    'duplicate-macs',
    'warn',
    {
      frr: frr({
        zebraSays: {
          value: {
            version: '10.3',
            duplicates: duplicates({ freezes: true, macs: [{ vni: 100, mac: '02:00:00:00:00:11' }] }),
          },
        },
      }),
    },
    /1 MAC for a duplicate: 02:00:00:00:00:11 \(VNI 100\)/,
    /clear evpn dup-addr vni all/,
  ],
  [
    'fpm',
    'warn',
    { status: fpm({}), frr: frr({ zebra: daemon(6, 'zebra', '-M', 'dplane_fpm_nl') }) },
    /not connected to 127\.0\.0\.1:2620/,
    /'fpm address 127\.0\.0\.1'/,
  ],
  [
    'fpm',
    'warn',
    { status: fpm({ error: 'port in use' }), frr: frr({ zebra: daemon(6, 'zebra', '-M', 'dplane_fpm_nl') }) },
    /does not listen: port in use/,
    /fpm: \{listen/,
  ],
  [
    'macip-in-bgpd',
    'fail',
    { announced: { value: { binding: BINDING, isInBgpd: false } } },
    /bgpd does not have 10\.0\.0\.5/,
    /^macipctl explain 10\.0\.0\.5$/m,
  ],
  [
    'relay-path',
    'fail',
    { frr: frr({ path: 'nothing' }) },
    /nothing at \/run\/macipd\/zserv\.api/,
    /^systemctl restart macipd-relay.service$/,
  ],
  [
    'relay-path',
    'fail',
    { frr: frr({ path: 'link' }) },
    /a link to the socket of zebra/,
    /^systemctl restart macipd-relay.service$/,
  ],
  [
    'relay-path',
    'fail',
    { status: answers({}, {}, { listen: '/run/x' }) },
    /listens at \/run\/x/,
    /relay: \{listen: \/run\/macipd/,
  ],
  [
    'descriptor-store',
    'fail',
    { systemd: units({ relay: { stored: 1, storeMax: 1 } }) },
    /1 of 16 descriptors.*FileDescriptorStoreMax is 1$/,
    /^systemctl edit macipd-relay.service/,
  ],
  [
    'versions',
    'warn',
    { status: answers({}, { version: '0.0.9' }) },
    /snooper 0\.0\.9$/,
    /^systemctl restart macipd-snoop.service$/m,
  ],
  [
    'capabilities',
    'fail',
    { snooperCapabilities: { value: CAPABILITIES & ~(1n << 13n) } },
    /not have CAP_NET_RAW$/,
    /^systemctl edit macipd-snoop.service/,
  ],
  [
    'capabilities',
    'fail',
    { status: answers({}, ABSENT), systemd: units({ snoop: { capabilities: ['cap_net_admin', 'cap_bpf'] } }) },
    /not have CAP_NET_RAW$/,
    /^systemctl edit macipd-snoop.service/,
  ],
  [
    'programs-before',
    'warn',
    withLinks({}, {}, {}, {}, { xdp: 17 }),
    /tap1: XDP program 17/,
    /^ip link set dev tap1 xdp off/m,
  ],
  [
    'programs-before',
    'warn',
    { status: answers({}, { ports: [snooped('tc filter u32, pref 1')] }) },
    /tap1: tc filter u32, pref 1/,
    /^bpftool net show dev tap1; tc filter show dev tap1/,
  ],
  [
    'rivals',
    'warn',
    { rivals: { value: [{ name: 'neighsnoopd', pid: 9 }] } },
    /neighsnoopd \(process 9\)/,
    /^systemctl disable --now neighsnoopd$/,
  ],
  [
    'age',
    'fail',
    { network: network({ links: usual.links.map((each) => (each.name === 'br0' ? bridge(3, 'br0', 0) : each)) }) },
    /br0: the ageing time is 0/,
    /^ip link set dev br0 type bridge ageing_time 30000/,
  ],
  [
    'age',
    'warn',
    { configured: configured({ probes: false }), status: answers({}, { ageMs: 600_000 }) },
    /snoop\.age is 600 s, and br0 forgets a MAC after 300 s/,
    /probes: send/,
  ],
  [
    'vxlan',
    'fail',
    {
      network: network({ links: usual.links.filter(({ kind }) => kind !== 'vxlan') }),
      status: answers({ vnis: 0 }, { ports: [] }),
    },
    /no VXLAN device/,
    /^ip link add vxlan100 type vxlan/m,
  ],
  [
    'vxlan',
    'fail',
    withLinks({}, {}, {}, { master: undefined, slaveKind: undefined }),
    /vx100: a VXLAN device that is in no bridge/,
    /^ip link set dev vx100 master br0/,
  ],
  [
    'vxlan',
    'warn',
    { network: network({ links: [...usual.links, vxlan(9, 200, undefined)] }) },
    /vx200: a VXLAN device that is in no bridge/,
    /^ip link set dev vx200 master br0/,
  ],
  ['vxlan', 'fail', withLinks({}, {}, {}, { flags: 0 }), /vx100: down/, /^ip link set dev vx100 up$/],
  [
    'vni',
    'fail',
    { frr: frr({ bgpdSays: { value: { advertisesAll: true, vnis: [200] } } }) },
    /not have VNI 100 of vx100/,
    /^vtysh -c 'show evpn vni'$/m,
  ],
  ['vni', 'fail', { status: answers({ vnis: 0 }) }, /no VNI to the relay/, /--restart-bgpd$/],
  [
    'vxlan-learning',
    'warn',
    withLinks({}, {}, {}, { vxlanLearning: true }),
    /vx100: MACs are learned/,
    /^ip link set dev vx100 type vxlan nolearning$/,
  ],
  [
    'vxlan-learning',
    'warn',
    { network: network({ ports: usual.ports.map((each) => ({ ...each, learning: true })) }) },
    /vx100: MACs are learned/,
    /^bridge link set dev vx100 learning off$/,
  ],
  [
    'neigh-suppress',
    'warn',
    { network: network({ ports: usual.ports.map((each) => ({ ...each, neighSuppress: false })) }) },
    /vx100: neigh_suppress is off/,
    /^bridge link set dev vx100 neigh_suppress on$/,
  ],
  [
    'bridge-ipv6',
    'warn',
    { bridgesWithoutIpv6: { value: ['br0', 'virbr0'] } },
    /^br0: IPv6 is off/,
    /^sysctl -w net\.ipv6\.conf\.br0\.disable_ipv6=0$/m,
  ],
  [
    'uplinks',
    'warn',
    {
      network: network({ links: [...usual.links, port(9, 'eno2', 3, { kind: undefined })] }),
      status: answers({}, { ports: [snooped(), { ...snooped(), name: 'eno2' }] }),
    },
    /^eno2: snooped/,
    /exclude: \[eno2\]/,
  ],
  [
    'uplinks',
    'warn',
    {
      network: network({ links: [...usual.links, port(9, 'mac0', 3, { kind: 'macvlan', lower: 2 })] }),
      status: answers({}, { ports: [snooped(), { ...snooped(), name: 'mac0' }] }),
    },
    /^mac0: snooped/,
    /exclude: \[mac0\]/,
  ],
  // what `macipctl status` finds
  [
    'relay-not-running',
    'fail',
    { status: answers(ABSENT, { relayConnected: false }, ABSENT), frr: frr({ path: 'nothing' }) },
    /the relay does not answer/,
    /^systemctl start macipd-relay.service$/m,
  ],
  [
    'relay-not-running',
    'fail',
    { status: answers(ABSENT, { relayConnected: false }, ABSENT), frr: frr({ path: 'link' }) },
    /the relay does not answer/,
    /^systemctl start .*\nmacipctl hook install --restart-bgpd$/m,
  ],
  [
    'no-descriptor',
    'fail',
    { status: answers({}, {}, { cause: 'no-descriptor', pid: 41, error: 'all are in use' }) },
    /keeper 41 may open no more descriptors/,
    /^prlimit --pid 41 --nofile=4096:$/m,
  ],
  [
    'no-descriptor',
    'fail',
    { status: answers({}, {}, { pid: 41, descriptorsLeft: 5 }) },
    /keeper 41 may open only 5 more descriptors/,
    /^prlimit --pid 41 --nofile=4096:$/m,
  ],
  ['worker-hung', 'fail', { status: answers(SILENT, { relayConnected: false }) }, /worker 42 hangs/, /kill -KILL 42/],
  [
    'snooper-not-running',
    'fail',
    { status: answers({}, ABSENT), snooperCapabilities: { unknown: '' } },
    /the snooper does not answer/,
    /^systemctl start macipd-snoop.service$/m,
  ],
  [
    'session-not-trusted',
    'fail',
    { status: answers({ sessions: [{ ...SESSION, untrusted: 'MACIP_ADD is too short' }], injecting: false }) },
    /too short/,
    /--restart-bgpd$/,
  ],
  [
    'observe-mode',
    'warn',
    { status: answers({}, { mode: 'observe' }) },
    /observe mode/,
    /^# in \/etc\/macipd\/macipd\.yaml: snoop: \{mode: announce\}\nsystemctl restart macipd-snoop.service$/,
  ],
  [
    'frr-running',
    'fail',
    { frr: frr({ bgpdSays: { unknown: 'no answer', isSilent: true } }) },
    /^bgpd \(process 7\) does not answer$/,
    /^systemctl restart frr.service/m,
  ],
]

suite('a fault is found by its check, and by no other', () => {
  for (const [id, status, changes, what, todo] of FAULTS) {
    test(`${id}: ${what.source}`, () => {
      const [found, ...others] = wrong(node(changes))
      assert.deepEqual([found?.id, found?.status, others.map((other) => other.id)], [id, status, []])
      assert.match(found?.what ?? '', what)
      assert.match(found?.todo.join('\n') ?? '', todo)
      assert.notEqual(found?.means, '')
    })
  }

  test('every check has a fault here', () => {
    const found = new Set(FAULTS.map(([id]) => id))
    assert.deepEqual(
      CHECKS.map(({ id }) => id).filter((id) => !found.has(id)),
      [],
    )
  })
})

test('every finding that a check answers for has one of this name', () => {
  const ids = new Set(CHECKS.map(({ id }) => id))
  assert.deepEqual(
    Object.values(FINDINGS).flatMap(({ by }) => (by === undefined || ids.has(by) ? [] : [by])),
    [],
  )
})

suite('what is no fault', () => {
  const fine: [name: string, changes: Partial<Observation>][] = [
    ['no FPM module in zebra', { status: fpm({}) }],
    ['a port of FPM that another server has, without the module', { status: fpm({ error: 'port in use' }) }],
    ['-z in bgpd_options instead of the block', { frr: frr({ hook: { value: { ...NO_HOOK, hasOwnOption: true } } }) }],
    ['no BTF, if filters are not heeded', { kernel: { ...node().kernel, hasBtf: false } }],
    ['CAP_SYS_ADMIN instead of CAP_BPF', { snooperCapabilities: { value: (1n << 12n) | (1n << 13n) | (1n << 21n) } }],
    [
      'no CAP_NET_RAW without probes',
      { configured: configured({ probes: false }), snooperCapabilities: { value: CAPABILITIES & ~(1n << 13n) } },
    ],
    [
      'a switch, all ports of which lead out',
      {
        network: network({
          links: [link(2, 'swp9'), bridge(3, 'br0'), vxlan(4, 100, 3), port(5, 'swp1', 3, { kind: undefined })],
        }),
        status: answers({}, { ports: [{ ...snooped(), name: 'swp1' }] }),
      },
    ],
    [
      'a VXLAN device whose bridge only routes',
      {
        network: network({
          links: [...usual.links, bridge(8, 'br4001'), vxlan(9, 4001, 8)],
          ports: [...usual.ports, { ifindex: 9, learning: false, neighSuppress: false }],
        }),
      },
    ],
    [
      'a bgpd that answers, and was down when watchfrr looked',
      { frr: frr({ watched: { value: new Map([['bgpd', 'Down']]) } }) },
    ],
    ['nothing learned yet', { announced: { value: undefined } }],
  ]
  for (const [name, changes] of fine) {
    test(name, () => {
      assert.deepEqual(wrong(node(changes)), [])
    })
  }
})

test('what follows from something else is not said a second time; a warning explains no failure', () => {
  const idsOf = (changes: Partial<Observation>): string[] => wrong(node(changes)).map(({ id }) => id)
  const gone = { status: answers(ABSENT, ABSENT, ABSENT) }
  assert.deepEqual(idsOf({ ...gone, configured: configured({ mistake: { value: 'line 3: odd' } }) }), ['configuration'])
  const direct = frr({ hook: { value: NO_HOOK }, bgpd: daemon(7, 'bgpd', '-d') })
  assert.deepEqual(idsOf({ frr: direct, status: answers({ sessions: [], injecting: false, bgpdDirect: true }) }), [
    'hook',
  ])
  const noUnits = { systemd: { value: new Map<string, never>() }, frr: frr({ path: 'nothing' }) }
  assert.deepEqual(idsOf({ ...gone, ...noUnits }), ['units', 'relay-not-running', 'snooper-not-running'])
})

suite('what cannot be seen is unknown, and says why', () => {
  test('without root', () => {
    const denied = { cause: 'denied', error: 'no permission: run as root' } as const
    const noPermission = { unknown: '/etc/frr/daemons: no permission: run as root' }
    const seen = node({
      status: answers(denied, denied, denied),
      frr: frr({ hook: noPermission, watched: noPermission, zebraSays: noPermission, bgpdSays: noPermission }),
      ...{ announced: noPermission, snooperCapabilities: noPermission },
    })
    assert.deepEqual(wrong(seen), [])
    const unknown = examine(seen).filter(({ status }) => status === 'unknown')
    assert.ok(unknown.every(({ what, todo }) => what !== '' && todo.length === 0))
    const ids = unknown.map(({ id }) => id)
    for (const id of ['hook', 'relay-not-running', 'snooper-not-running', 'advertise-all-vni'])
      assert.ok(ids.includes(id), id)
  })

  test('what zebra and bgpd do not say, macipctl status may know', () => {
    const silent = { unknown: '/run/frr/bgpd.vty: silent for 1500 ms' }
    const seen = node({ frr: frr({ bgpdSays: silent }), status: answers({ vnis: 0 }), announced: silent })
    assert.deepEqual(
      wrong(seen).map(({ id }) => id),
      ['no-vni'],
    )
  })
})

test('with a path space every command names it', () => {
  const blue = node({ pathspace: 'blue', systemd: { value: new Map() }, status: answers(ABSENT, ABSENT, ABSENT) })
  const lines = wrong(blue).flatMap(({ todo }) => todo)
  for (const line of lines.filter((it) => /^(macipctl|macipd|vtysh) /.test(it))) assert.match(line, / -N blue\b/)
  assert.ok(lines.includes('macipd relay -N blue'))
  const units = node({
    pathspace: 'blue',
    frr: frr({ path: 'nothing' }),
    systemd: { value: new Map([['macipd-relay@blue.service', blueUnit()]]) },
  })
  assert.ok(wrong(units).some(({ todo }) => todo.includes('systemctl restart macipd-relay@blue.service')))
})

const blueUnit = () => {
  const relay = units().value.get('macipd-relay.service')
  assert.ok(relay !== undefined)
  return { ...relay, before: ['frr@blue.service'] }
}
