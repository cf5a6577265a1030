// The native addon (src/snoop/bpf/native/) as TypeScript sees it.
import { createRequire } from 'node:module'
import { ExitCode, FatalError, reason } from '../../base/exit.js'

export type AttachMode = 'tcx' | 'clsact'
export type LibbpfLevel = 'warn' | 'info' | 'debug'

declare const opened: unique symbol
/** A loaded eBPF object with one tc program; garbage collection closes it. */
export type BpfObject = { readonly [opened]: true }

/**
 * What a failed call throws. Wrong arguments, and any use of a closed object, are a TypeError instead.
 */
export interface BpfError extends Error {
  /** The libbpf function that failed. */
  readonly call: string
  /** Positive. */
  readonly errno: number
  /** `EPERM`, …; `LIBBPF` for the numbers libbpf adds to those of the kernel. */
  readonly code: string
  /** What the verifier said, if it was asked. */
  readonly verifierLog?: string
}

export function isBpfError(error: unknown): error is BpfError {
  return error instanceof Error && 'call' in error && 'errno' in error && 'code' in error
}

export type BpfAddon = {
  /** Opens and loads an object file. `onMessage` gets what libbpf says, after the call in which it said it. */
  open(path: string, onMessage: (level: LibbpfLevel, text: string) => void): BpfObject
  /** Detaches from everything and frees everything; throws the first failure to detach, after all was tried. */
  close(object: BpfObject): void
  /** Attaches to the ingress of a device. `tcx` fails with EINVAL where the kernel lacks it. */
  attach(object: BpfObject, ifindex: number, mode: AttachMode): void
  /** ENOENT: was never attached. A device that is gone is no failure. */
  detach(object: BpfObject, ifindex: number): void
  /** Readable while the ring buffer holds records; valid until closed. */
  ringFd(object: BpfObject): number
  /** Moves as many whole records as fit from the ring buffer into `into`; returns how many. */
  drain(object: BpfObject, into: Uint8Array): number
  /** The outcome counters with which the value of a per-CPU array begins, summed over the CPUs. */
  counters(object: BpfObject, map: string): number[]
  /** Keys and values of an array or hash, in the layout the program uses. */
  mapEntries(object: BpfObject, map: string): [key: Buffer, value: Buffer][]
  /** Undefined if there is no such key. */
  mapGet(object: BpfObject, map: string, key: Uint8Array): Buffer | undefined
  mapSet(object: BpfObject, map: string, key: Uint8Array, value: Uint8Array): void
  /** False if there was no such key. */
  mapDelete(object: BpfObject, map: string, key: Uint8Array): boolean
  /**
   * Runs the program `repeat` times on an Ethernet frame as if received (BPF_PROG_TEST_RUN).
   * `context` is a struct __sk_buff of which the kernel takes a few fields. `durationNs` is the mean of one run.
   */
  testRun(
    object: BpfObject,
    frame: Uint8Array,
    repeat: number,
    context: Uint8Array | undefined,
  ): { retval: number; durationNs: number }
}

const require = createRequire(import.meta.url)

/** Loads dist/native/bpf.node. */
export function loadAddon(): BpfAddon {
  try {
    return require('../../../native/bpf.node') as BpfAddon
  } catch (error) {
    throw new FatalError(
      ExitCode.internal,
      `the native addon cannot be loaded: install libbpf1 (1.1 or later) and run "npm run build" (${reason(error)})`,
      { cause: error },
    )
  }
}
