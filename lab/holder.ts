// What keeps a lab alive and takes it away: a PID namespace whose end kills every process in it, and with them the
// mounts and network namespaces. A guard outside then removes the lab's directory. Both survive the death of the
// process that made the lab, in whatever way it dies: they see the end of a pipe it held.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { errnoName, ExitCode, FatalError } from '../src/base/exit.js'
import type { Release } from './frr.js'
import { waitFor } from './wait.js'

/** Short on purpose: paths of Unix sockets below it must stay under 108 bytes. */
const PARENT = '/tmp'
const PREFIX = 'macipd-lab-'
const NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,23}$/

export interface LabState {
  readonly name: string
  readonly release: Release
  /** Whose numbers of processes these are: machines and containers see the directories of others' labs, too. */
  readonly pidSpace: string
  /** The process that made the lab. */
  readonly owner: number
  /** PID 1 of the lab's namespaces; undefined while the lab is being made. */
  readonly holder?: number
  /** Number of the node each VM is on: `[1, 2]` says vm1 is on n1 and vm2 on n2. */
  readonly vms: readonly number[]
}

/** This boot of this kernel (proc_sys_kernel(5)), and this process's PID namespace. */
export const PID_SPACE = [
  readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  readlinkSync('/proc/self/ns/pid'),
].join(' ')

/** Where everything of a lab is. */
export const directory = (name: string): string => join(PARENT, PREFIX + name)

/** Shell function: mounts a node's root. Arguments: the lab's directory, the FRR tree, the node's name. */
const MOUNT_NODE = `
mount_node() {
  dir=$1 tree=$2 node=$3
  root=$dir/$node/root
  mount --bind "$tree" "$root"
  mount -o remount,bind,ro "$root"
  mount --bind "$dir/$node/etc-frr" "$root/etc/frr"
  mount --bind "$dir/$node/run-frr" "$root/run/frr"
  mount --bind "$dir/$node/run-macipd" "$root/run/macipd"
  mount -t tmpfs tmp "$root/tmp"
  mount -t tmpfs tmp "$root/var/tmp"
  mount -t tmpfs lib "$root/var/lib"
  mount --rbind /dev "$root/dev"
  mount --rbind /proc "$root/proc"
}
`
/**
 * Run by PID 1 of the lab: mounts each node's root and then waits for its input to end, or forever once told
 * "detach". Arguments: the lab's directory, the FRR tree, the nodes' names.
 */
const HOLDER = `
set -e
${MOUNT_NODE}
dir=$1 tree=$2
shift 2
mount -t tmpfs netns "$dir/netns"
for node in "$@"; do mount_node "$dir" "$tree" "$node"; done
echo ready
exec >/dev/null 2>&1
read -r line && [ "$line" = detach ] && exec sleep infinity </dev/null
`
/** Makes another FRR tree a node's root, in the mount namespace of the lab. Arguments as those of MOUNT_NODE. */
export const REMOUNT = `
set -e
${MOUNT_NODE}
# processes of the old root may still be ending
umount --recursive --lazy "$1/$3/root"
mount_node "$1" "$2" "$3"
`
const GUARD = `
unshare --pid --fork --kill-child --mount --mount-proc --propagation private -- sh -c "$1" holder "$2" "$3" "$4" "$5"
rm -rf --one-file-system "$2"
`

function onlyChild(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  if (!/^\d+$/.test(children)) throw new Error(`process ${pid} should have one child, has "${children}"`)
  return Number(children)
}

/** A process is this lab's holder if it has the lab's mounts: PIDs are reused. */
function holderIsAlive(name: string, pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(` ${directory(name)}/netns `)
  } catch {
    return false
  }
}

function processIsAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}

function readState(name: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(join(directory(name), 'lab.json'), 'utf8')) as LabState
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Replaces the state at once: readers take a lab without state for one that is being removed. */
export function writeState(state: LabState, dir = directory(state.name)): void {
  const fresh = join(dir, '.lab.json')
  writeFileSync(fresh, JSON.stringify(state))
  renameSync(fresh, join(dir, 'lab.json'))
}

/** A lab that is up. */
export interface Holder {
  readonly directory: string
  readonly state: LabState & { readonly holder: number }
  /** The pipe whose end takes the lab away; only the process that made the lab has it. */
  readonly lifeline?: Writable
}

/**
 * What the directories below PARENT say of labs whose processes can be seen. A directory without state is being removed by
 * its guard, and is not listed.
 */
function knownLabs(): LabState[] {
  return readdirSync(PARENT)
    .filter((entry) => entry.startsWith(PREFIX))
    .map((entry) => readState(entry.slice(PREFIX.length)))
    .filter((state): state is LabState => state?.pidSpace === PID_SPACE)
}

/** Labs that are up. */
export function listLabs(): Holder[] {
  return knownLabs().flatMap((state) => {
    const { name, holder } = state
    if (holder === undefined || !holderIsAlive(name, holder)) return []
    return [{ directory: directory(name), state: { ...state, holder } }]
  })
}

/** Removes the directories of labs whose guard was killed. */
export function pruneLabs(): void {
  for (const { name, holder, owner } of knownLabs()) {
    const isUpOrBeingMade = holder === undefined ? processIsAlive(owner) : holderIsAlive(name, holder)
    if (!isUpOrBeingMade) rmSync(directory(name), { recursive: true, force: true })
  }
}

/** Creates the lab's directory with its state in it, at once; fails when the name is taken. */
export function reserve(state: LabState): string {
  if (!NAME.test(state.name))
    throw new FatalError(ExitCode.usage, `a lab's name has 1 to 24 letters, digits and hyphens, not "${state.name}"`)
  pruneLabs()
  const fresh = mkdtempSync(join(PARENT, '.macipd-lab-'))
  chmodSync(fresh, 0o755)
  writeState(state, fresh)
  try {
    renameSync(fresh, directory(state.name))
  } catch (error) {
    rmSync(fresh, { recursive: true })
    if (errnoName(error) !== 'ENOTEMPTY') throw error
    throw new FatalError(ExitCode.usage, `lab "${state.name}" is up already: take it down or choose another name`)
  }
  return directory(state.name)
}

/** Starts the guard and, below it, the holder; resolves when all is mounted. */
export async function startHolder(state: LabState, tree: string, nodes: readonly [string, string]): Promise<Holder> {
  const dir = directory(state.name)
  const guard = spawn('sh', ['-c', GUARD, 'guard', HOLDER, dir, tree, ...nodes], {
    // a session of its own: Ctrl-C on the terminal ends the owner, and the guard cleans up after it
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const errors: string[] = []
  guard.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const ready = once(guard.stdout, 'data').then(() => true)
  const failed = once(guard, 'close').then(() => false)
  if (!(await Promise.race([ready, failed])) || guard.pid === undefined)
    throw new Error(`the lab's namespaces cannot be made: ${errors.join('').trim()}`)
  const holder = onlyChild(onlyChild(guard.pid))
  guard.stdout.destroy()
  guard.stderr.destroy()
  // a lab never keeps its owner alive
  guard.unref()
  const stdin: Writable & { unref?: () => void } = guard.stdin
  stdin.unref?.()
  const complete = { ...state, holder }
  writeState(complete)
  return { directory: dir, state: complete, lifeline: stdin }
}

/** Lets the lab outlive this process. */
export function detach({ lifeline }: Holder): void {
  lifeline?.end('detach\n')
}

/** Ends everything in the lab and waits until its directory is gone. */
export async function endHolder({ directory: dir, state }: Holder): Promise<void> {
  if (holderIsAlive(state.name, state.holder)) process.kill(state.holder, 'SIGKILL')
  await waitFor(
    `${dir} to be removed by the lab's guard`,
    () => existsSync(dir),
    (exists) => !exists,
  )
}
