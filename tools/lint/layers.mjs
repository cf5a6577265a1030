// An ESLint rule: which directory may import which. Protocols know nothing of decisions, decisions nothing of sockets,
// and the commands are above all. Types count as well: who names a type knows its owner.
import { dirname, join, relative, resolve, sep } from 'node:path'

const BASE = ['src/base']
const NETLINK = [...BASE, 'src/netlink', 'src/os']

/** Directory → what it may import besides itself. A longer path is a layer of its own inside the shorter one. */
export const LAYERS = {
  'src/base': [],
  'src/gen': [],
  'src/os': BASE,
  // wire formats only
  'src/netlink': BASE,
  'src/rtnetlink': NETLINK,
  'src/sock-diag': NETLINK,
  'src/zapi': BASE,
  'src/bgp': BASE,
  'src/arp-nd': BASE,
  'src/vty': BASE,
  'src/fpm': [...NETLINK, 'src/gen', 'src/rtnetlink', 'src/sock-diag'],
  'src/record': [...BASE, 'src/fpm', 'src/zapi'],
  // decisions, without input and output
  'src/bindings': BASE,
  'src/proxy/decision': BASE,
  'src/proxy/bgp': [...BASE, 'src/bgp', 'src/os', 'src/proxy/decision'],
  'src/relay/overlay': [...BASE, 'src/bindings', 'src/zapi'],
  'src/config': [...BASE, 'src/bgp', 'src/bindings', 'src/os', 'src/proxy/bgp', 'src/proxy/decision', 'src/zapi'],
  'src/control': [...BASE, 'src/bindings', 'src/fpm', 'src/gen', 'src/os', 'src/zapi'],
  // the processes: none knows another
  'src/relay': [
    ...BASE,
    'src/bindings',
    'src/config',
    'src/control',
    'src/gen',
    'src/os',
    'src/record',
    'src/relay/overlay',
    'src/vty',
    'src/zapi',
  ],
  'src/proxy': [
    ...BASE,
    'src/arp-nd',
    'src/bgp',
    'src/config',
    'src/control',
    'src/gen',
    'src/os',
    'src/proxy/bgp',
    'src/proxy/decision',
  ],
  'src/snoop': [
    ...NETLINK,
    'src/arp-nd',
    'src/bindings',
    'src/config',
    'src/control',
    'src/fpm',
    'src/gen',
    'src/record',
    'src/rtnetlink',
    'src/vty',
  ],
  'src/cli': [
    ...BASE,
    'src/bindings',
    'src/cli/daemon',
    'src/cli/doctor',
    'src/config',
    'src/control',
    'src/fpm',
    'src/gen',
    'src/os',
    'src/record',
    'src/relay',
    'src/rtnetlink',
    'src/vty',
    'src/zapi',
  ],
  // the commands that start the processes
  'src/cli/daemon': [
    ...BASE,
    'src/bgp',
    'src/cli',
    'src/config',
    'src/os',
    'src/proxy',
    'src/relay',
    'src/snoop',
    'src/zapi',
  ],
  // looks at everything on a node, the addon included
  'src/cli/doctor': [
    ...BASE,
    'src/bindings',
    'src/cli',
    'src/config',
    'src/control',
    'src/os',
    'src/rtnetlink',
    'src/snoop',
    'src/vty',
    'src/zapi',
  ],
  'src/bin': [...BASE, 'src/cli'],
  lab: ['src'],
  chaos: ['lab', 'src'],
  test: ['chaos', 'lab', 'src'],
  bench: ['lab', 'src', 'test'],
}

/** Layers with the longest path first. */
const BY_LENGTH = Object.keys(LAYERS).sort((a, b) => b.length - a.length)

const isIn = (path, directory) => path === directory || path.startsWith(`${directory}/`)

/** The layer of a file, by its path from the root of the sources; undefined if the table has none. */
export const layerOf = (path) => BY_LENGTH.find((layer) => isIn(path, layer))

/** Whether a file of one layer may import one of another. */
export const mayImport = (from, to) =>
  from === to || LAYERS[from].some((allowed) => allowed === to || isSrc(allowed, to))

/** `src` stands for every directory in it. */
const isSrc = (allowed, to) => allowed === 'src' && isIn(to, 'src')

const pathFrom = (root, file) => relative(root, file).split(sep).join('/')

const rule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      against: '{{from}} may not import {{to}}; it may import {{allowed}} (tools/lint/layers.mjs)',
      unknown: '{{path}} is in no layer: give its directory a place in tools/lint/layers.mjs',
    },
  },
  create(context) {
    const root = context.cwd
    const path = pathFrom(root, context.filename)
    const from = layerOf(path)
    const check = (source) => {
      if (typeof source?.value !== 'string' || !source.value.startsWith('.')) return
      const target = pathFrom(root, resolve(join(dirname(context.filename), source.value)))
      // a JSON file of the root, such as package.json
      if (!target.includes('/')) return
      const to = layerOf(target)
      if (to === undefined) context.report({ node: source, messageId: 'unknown', data: { path: target } })
      else if (from !== undefined && !mayImport(from, to)) {
        const allowed = LAYERS[from].join(', ') || 'nothing'
        context.report({ node: source, messageId: 'against', data: { from, to, allowed } })
      }
    }
    return {
      Program(node) {
        if (from === undefined) context.report({ node, messageId: 'unknown', data: { path } })
      },
      ImportDeclaration: ({ source }) => check(source),
      ExportNamedDeclaration: ({ source }) => check(source),
      ExportAllDeclaration: ({ source }) => check(source),
      ImportExpression: ({ source }) => check(source),
      TSImportType: ({ source, argument }) => check(source ?? argument?.literal),
    }
  },
}

export const layers = { meta: { name: 'layers' }, rules: { imports: rule } }
