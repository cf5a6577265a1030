// Real frames over real devices, in a network namespace of the test process's own that goes away with it.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { release } from 'node:os'
import koffi from 'koffi'
import type { AttachMode } from '../../src/snoop/bpf/snooper.js'

const libc = koffi.load('libc.so.6')
const unshare = libc.func('int unshare(int flags)') as (flags: number) => number
const socket = libc.func('int socket(int domain, int type, int protocol)') as (...args: number[]) => number
const close = libc.func('int close(int fd)') as (fd: number) => number
const ifNameToIndex = libc.func('unsigned int if_nametoindex(const char *name)') as (name: string) => number
const sendto = libc.func(
  'intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t address_length)',
) as (fd: number, data: Buffer, length: number, flags: number, address: Buffer, addressLength: number) => number

const CLONE_NEWNET = 0x40000000
const AF_PACKET = 17
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000

const [major = 0, minor = 0] = release().split('.').map(Number)
/** The ways of attaching this kernel has: TCX came with Linux 6.6. */
export const ATTACH_MODES: AttachMode[] = major > 6 || (major === 6 && minor >= 6) ? ['tcx', 'clsact'] : ['clsact']

function check(call: string, result: number): number {
  if (result < 0) throw new Error(`${call}: errno ${koffi.errno()} (the tests need root)`)
  return result
}

/** Moves this process, and those it starts from now on, to a new network namespace in which only we send. */
export function enterNewNetns(): void {
  check('unshare', unshare(CLONE_NEWNET))
  // The kernel's own neighbour discovery would be snooped too.
  for (const scope of ['all', 'default']) writeFileSync(`/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`, '1')
}

/** Runs a command to its end and returns what it printed. */
export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' })
}

/** A new pair of devices, up: what is sent on `vm` is received by `port`. */
export function createVeth(vm: string, port: string): { vm: number; port: number } {
  run('ip', 'link', 'add', vm, 'arp', 'off', 'type', 'veth', 'peer', 'name', port)
  for (const name of [vm, port]) run('ip', 'link', 'set', name, 'up')
  return { vm: ifNameToIndex(vm), port: ifNameToIndex(port) }
}

export type Sender = { send(frame: Buffer): void; close(): void }

/** Sends whole Ethernet frames out of a device. */
export function openSender(ifindex: number): Sender {
  const fd = check('socket', socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0))
  // struct sockaddr_ll: family and ifindex in the byte order of the machine, the rest does not matter here
  const address = Buffer.alloc(20)
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_PACKET
  new Int32Array(address.buffer, address.byteOffset + 4, 1)[0] = ifindex
  return {
    send: (frame) => check('sendto', sendto(fd, frame, frame.length, 0, address, address.length)),
    close: () => check('close', close(fd)),
  }
}
