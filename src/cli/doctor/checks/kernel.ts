// The kernel, libbpf and Node: what macipd cannot work without.
import { type Check, fail, given, ok, unknown, warn } from '../result.js'

const OLDEST_KERNEL = [5, 15] as const
const TCX_KERNEL = [6, 6] as const
const OLDEST_NODE = [20, 19] as const

/** Whether a version, such as `6.1.0-44-amd64`, is at least another one; undefined if it is none. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean | undefined {
  const [, first, second] = /^v?(\d+)\.(\d+)/.exec(version) ?? []
  if (first === undefined || second === undefined) return undefined
  return Number(first) > major || (Number(first) === major && Number(second) >= minor)
}

/** Without them no filter can be attached to a port. */
const NEEDED = ['CONFIG_BPF_SYSCALL', 'CONFIG_NET_CLS_ACT', 'CONFIG_NET_CLS_BPF']

const NEWER_KERNEL = 'apt install linux-image-amd64   # or linux-image-arm64, proxmox-default-kernel; then: reboot'

export const KERNEL_CHECKS: readonly Check[] = [
  {
    ...{ id: 'kernel-version', group: 'kernel' },
    look: ({ kernel: { release } }) => {
      const isNew = isAtLeast(release, OLDEST_KERNEL)
      if (isNew === undefined) return unknown(`the kernel calls itself ${release}`)
      if (isNew) return ok(`Linux ${release}`)
      return fail(
        `Linux ${release} is older than ${OLDEST_KERNEL.join('.')}`,
        'The eBPF program cannot be loaded, so no address is learned.',
        NEWER_KERNEL,
      )
    },
  },
  {
    ...{ id: 'bpf-attach', group: 'kernel' },
    look: ({ kernel: { release, config }, status: { snooper } }) => {
      const modes = snooper.running ? new Set(snooper.ports.map(({ attached }) => attached).filter(Boolean)) : new Set()
      if (modes.size > 0) return ok(`the eBPF program is attached with ${[...modes].join(' and ')}`)
      return given(config, (options) => {
        const missing = NEEDED.filter((name) => !['y', 'm'].includes(options.get(name) ?? ''))
        if (missing.length === 0)
          return ok(`the kernel has what is needed for ${isAtLeast(release, TCX_KERNEL) === true ? 'TCX' : 'clsact'}`)
        return fail(
          `the kernel is built without ${missing.join(', ')}`,
          'No filter can be attached to a port, so no address is learned.',
          NEWER_KERNEL,
        )
      })
    },
  },
  {
    ...{ id: 'btf', group: 'kernel' },
    look: ({ kernel: { hasBtf }, configured: { heedsFilters } }) => {
      if (hasBtf) return ok('the kernel describes its types (BTF)')
      if (!heedsFilters) return ok('the kernel has no BTF, which only snoop.filters: heed needs')
      return fail(
        'the kernel has no BTF (CONFIG_DEBUG_INFO_BTF), which snoop.filters: heed needs',
        'The snooper cannot start.',
        NEWER_KERNEL,
      )
    },
  },
  {
    ...{ id: 'libbpf', group: 'kernel' },
    look: ({ addonError }) =>
      addonError === undefined
        ? ok('libbpf and the native addon can be loaded')
        : fail(addonError, 'The snooper cannot start.', 'apt install libbpf1'),
  },
  {
    ...{ id: 'node', group: 'kernel' },
    look: ({ program: { node } }) =>
      isAtLeast(node, OLDEST_NODE) === false
        ? fail(
            `Node ${node} is older than ${OLDEST_NODE.join('.')}`,
            'Neither relay nor snooper can start.',
            'apt install nodejs   # or the package macipd-bundled, which has its own',
          )
        : ok(`Node ${node}`),
  },
  {
    ...{ id: 'neighbour-limits', group: 'kernel' },
    look: ({ neighbourLimits, network }) =>
      given(neighbourLimits, (limits) =>
        given(network, ({ neighbours }) => {
          const used = { IPv4: neighbours.ipv4, IPv6: neighbours.ipv6 }
          const tight = limits.filter(({ family, limit }) => used[family] >= limit * MOST_OF_LIMIT)
          const texts = limits.map(({ family, limit }) => `${used[family]} of ${limit} ${family} neighbours`)
          if (tight.length === 0) return ok(`${texts.join(', ')}, not counting those of zebra`)
          return warn(
            `the kernel's table is nearly full: ${tight.map(({ family, limit }) => `${used[family]} of ${limit} ${family} neighbours`).join(', ')}`,
            'The node cannot reach more neighbours of its own then, the underlay included; macipd needs none.',
            ...tight.map(
              ({ family, limit }) => `sysctl -w net.${family.toLowerCase()}.neigh.default.gc_thresh3=${4 * limit}`,
            ),
            '# to last, write the same into /etc/sysctl.d/90-neighbours.conf',
          )
        }),
      ),
  },
]

const MOST_OF_LIMIT = 0.8
