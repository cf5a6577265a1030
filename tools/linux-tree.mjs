// Debian's own kernels, for what the kernel of this machine may lack or do differently: each with an initial RAM disk
// that makes this machine's root file system its own, read-only, with everything written kept in memory.
import { chmodSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { command, ReadyError } from './progress.mjs'

/** Kernel release line -> the Debian suite that carries it. */
export const LINUX_SUITES = { 6.1: 'bookworm' }

const PACKAGES = ['linux-image-amd64', 'busybox-static', 'kmod', 'cpio', 'bash', 'coreutils', 'findutils', 'gzip']

/** All that is ever loaded. First, what is needed to reach the file systems of this machine. */
const MODULES = [
  ...['virtio_pci', '9pnet_virtio', '9p', 'overlay'],
  ...['8021q', 'bonding', 'bridge', 'dummy', 'macvlan', 'nf_tables', 'tun', 'veth', 'vrf', 'vxlan'],
  ...['act_bpf', 'act_mirred', 'cls_bpf', 'cls_matchall', 'cls_u32', 'ifb', 'sch_ingress', 'sch_netem'],
  ...['mpls_iptunnel', 'mpls_router', 'tcp_diag', 'unix_diag'],
]

/** PID 1 until the root file system is there: `root` is this machine's, `share` what a run shares with it. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
echo > /proc/sys/kernel/modprobe
P9=trans=virtio,version=9p2000.L,msize=524288
mount -t 9p -o ro,cache=loose,$P9 root /host
mount -t 9p -o $P9 share /share
mount -t tmpfs tmpfs /writes
mkdir /writes/upper /writes/work
mount -t overlay -o lowerdir=/host,upperdir=/writes/upper,workdir=/writes/work overlay /root
mount -t tmpfs tmpfs /root/run
mkdir -p /root/run/share /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
for directory in proc sys dev; do mount --move /$directory /root/$directory; done
mount --move /share /root/run/share
exec switch_root /root /bin/sh /run/share/init
`
const DIRECTORIES = ['bin', 'proc', 'sys', 'dev', 'host', 'share', 'writes', 'root', 'modules']

/** To be raised when `prepare` changes. */
const STEPS = 1

export const linuxTrees = Object.fromEntries(
  Object.entries(LINUX_SUITES).map(([release, suite]) => [
    `linux-${release}`,
    {
      title: `Linux ${release} from Debian ${suite}`,
      suite,
      packages: PACKAGES,
      recipe: [STEPS, PACKAGES, MODULES, INIT, DIRECTORIES],
      prepare: (tree, path) => prepare(release, suite, tree, path),
    },
  ]),
)

/** What remains: `vmlinuz` and `initrd`. */
async function prepare(release, suite, tree, path) {
  const [version = 'none', ...more] = readdirSync(join(tree, 'lib/modules'))
  if (more.length > 0 || !version.startsWith(`${release}.`))
    throw new ReadyError(
      `Debian ${suite} now carries Linux ${[version, ...more].join(' and ')}, not ${release}.\n` +
        `An earlier tree can be copied to ${path} from another machine.`,
    )
  const inside = (...argv) => command('chroot', [tree, ...argv])
  await inside('depmod', version)

  const ramdisk = join(tree, 'ramdisk')
  for (const directory of DIRECTORIES) mkdirSync(join(ramdisk, directory), { recursive: true })
  writeFileSync(join(ramdisk, 'init'), INIT)
  chmodSync(join(ramdisk, 'init'), 0o755)
  cpSync(join(tree, 'bin/busybox'), join(ramdisk, 'bin/busybox'))
  const shown = await inside('modprobe', '--all', '--show-depends', '--set-version', version, ...MODULES)
  const files = [...new Set(shown.match(/(?<=^insmod )\S+/gm))]
  for (const file of files) cpSync(join(tree, file), join(ramdisk, 'modules', basename(file)))
  writeFileSync(join(ramdisk, 'modules/order'), `${files.map((file) => basename(file)).join('\n')}\n`)
  await inside('bash', '-c', 'cd /ramdisk && find . | cpio --quiet --create --format=newc | gzip > /initrd')

  renameSync(join(tree, 'boot', `vmlinuz-${version}`), join(tree, 'vmlinuz'))
  for (const name of readdirSync(tree))
    if (!['vmlinuz', 'initrd'].includes(name)) rmSync(join(tree, name), { recursive: true })
}
