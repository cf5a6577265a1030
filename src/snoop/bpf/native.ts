// The native addon (src/snoop/bpf/native/) as TypeScript sees it.
import { createRequire } from 'node:module'
import { ExitCode, FatalError, reason } from '../../base/exit.js'
import { programFile } from '../../base/place.js'

export type AttachMode = 'tcx' | 'clsact'
export type LibbpfLevel = 'warn' | 'info' | 'debug'

declare const opened: unique symbol
/** A loaded eBPF object with one tc program, and tracing programs if wanted; garbage collection closes it. */
export type BpfObject = { readonly [opened]: true }

/** The error of a failed call. Wrong arguments, and any use of a closed object, throw a TypeError instead. */
export interface BpfError extends Error {
  /** The libbpf function that failed. */
  readonly call: string
  /** A positive errno. */
  readonly errno: number
  /** `EPERM`, …; `LIBBPF` for the numbers that libbpf adds to those of the kernel. */
  readonly code: string
  /** The verifier's log, if the verifier ran. */
  readonly verifierLog?: string
}

export function isBpfError(error: unknown): error is BpfError {
  return error instanceof Error && 'call' in error && 'errno' in error && 'code' in error
}

export type ChainedProgram = { readonly id: number; readonly name: string; readonly ours: boolean }

export type BpfAddon = {
  /**
   * Opens and loads an object file. `onMessage` gets libbpf's messages after the call that caused them. `withTracing`
   * also loads its tracing programs, and attaches them to the functions of the kernel that they name.
   */
  open(path: string, onMessage: (level: LibbpfLevel, text: string) => void, withTracing: boolean): BpfObject
  /** Detaches from all devices and frees everything. If detaching fails, throws the first error after trying all. */
  close(object: BpfObject): void
  /** Attaches to the ingress of a device. `tcx` fails with EINVAL if the kernel lacks it. */
  attach(object: BpfObject, ifindex: number, mode: AttachMode): void
  /** Throws ENOENT if it was never attached. A device that is gone is not an error. */
  detach(object: BpfObject, ifindex: number): void
  /**
   * Returns the TCX programs at the ingress of a device, in the order in which they see its frames. A name is empty
   * without CAP_SYS_ADMIN. Throws EINVAL if the kernel lacks TCX.
   */
  tcxChain(object: BpfObject, ifindex: number): ChainedProgram[]
  /** A descriptor that is readable while the ring buffer holds records; valid until closed. */
  ringFd(object: BpfObject): number
  /** Moves as many whole records of this size as fit from the ring buffer into `into`; returns their number. */
  drain(object: BpfObject, into: Uint8Array, recordBytes: number): number
  /** Returns the `count` counters with which the value of a per-CPU array begins, summed over the CPUs. */
  counters(object: BpfObject, map: string, count: number): number[]
  /** Returns keys and values of an array, hash or trie, in the layout of the program. */
  mapEntries(object: BpfObject, map: string): [key: Buffer, value: Buffer][]
  /** Returns a value; undefined if there is no such key. */
  mapGet(object: BpfObject, map: string, key: Uint8Array): Buffer | undefined
  mapSet(object: BpfObject, map: string, key: Uint8Array, value: Uint8Array): void
  /** Deletes a key; returns false if there was no such key. */
  mapDelete(object: BpfObject, map: string, key: Uint8Array): boolean
  /**
   * Runs the program `repeat` times on an Ethernet frame as if received (BPF_PROG_TEST_RUN). `context` is a struct
   * __sk_buff, of which the kernel uses a few fields. `durationNs` is the mean time of one run.
   */
  testRun(
    object: BpfObject,
    frame: Uint8Array,
    repeat: number,
    context: Uint8Array | undefined,
  ): { retval: number; durationNs: number }
}

const ADDON = programFile('dist/native/bpf.node')
const require = createRequire(ADDON)

/** Loads dist/native/bpf.node. */
export function loadAddon(): BpfAddon {
  try {
    return require(ADDON) as BpfAddon
  } catch (error) {
    throw new FatalError(
      ExitCode.internal,
      `the native addon cannot be loaded: install libbpf1 (1.1 or later) and run "npm run build" (${reason(error)})`,
      { cause: error },
    )
  }
}
