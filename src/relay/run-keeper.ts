// The keeper's life: what it gets from a predecessor, when it serves, and to whom it leaves what bgpd depends on.
import { accessSync, constants, mkdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, FatalError, errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { RelayOptions } from '../config/options.js'
import { closeDescriptor } from '../os/descriptors.js'
import { collectAfterStart } from '../os/garbage.js'
import { type KeptDescriptor, takeServiceEnvironment } from '../os/service-manager.js'
import { ignoreSignals } from '../os/signals.js'
import { type Owner, checkSocketPath } from '../os/unix-socket.js'
import { type Connection, adoptConnection } from './connections.js'
import { DescriptorStore } from './descriptor-store.js'
import { HandOver } from './hand-over.js'
import { rawHandle } from './ipc.js'
import { type Inheritance, Keeper } from './keeper.js'
import { endUsersOf } from './predecessor.js'
import { RunDirLock } from './run-dir-lock.js'
import { Service } from './service.js'
import { type Kept, type KeptConnection, parseKept } from './stored-names.js'
import { TakeOver, type Taken, takeOver } from './take-over.js'

/** A worker that has lost its keeper is ready to hand over within this time; a keeper that ends has ended. */
const PREDECESSOR_MS = 2000
const RETRY_MS = 20
/** A predecessor that has handed over gives up its lock within this time. */
const LOCK_MS = 1000

/** Runs until SIGTERM or SIGINT, or until another relay has taken over. Rejects with FatalError when it cannot start. */
export async function runKeeper(options: RelayOptions, log: Logger): Promise<void> {
  const { isUnit, manager, kept, watchdogMs } = takeServiceEnvironment(process.env, process.pid)
  ignoreSignals()
  for (const name of ['listen', 'zebra', 'control'] as const) checkSocketPath(options[name], name)
  prepareRunDir(options.runDir)
  if (isUnit && manager === undefined)
    log.warn(
      'systemd keeps no descriptors: the end of the relay costs bgpd zebra; set Type=notify, FileDescriptorStoreMax=',
    )
  const store = manager && new DescriptorStore(manager, namesOf(kept), log)
  const lock = new RunDirLock(options.runDir, log)
  const stored = parseKept(kept)
  closeUseless(stored, log)
  const own = adopt(stored.connections, store, log)
  const entry = await enter(own, { options, lock, store, log })
  const isNew = entry.connections.length === 0
  let owner: Owner | undefined
  try {
    owner = ownerOfListener(options, log, isNew)
  } catch (error) {
    entry.predecessor?.close()
    lock.release()
    throw error
  }
  // without the connections that it is about, what it says is of another time
  if (isNew) removeJournal(options.runDir, log)
  let keeper: Keeper | undefined
  const serve = async ({ predecessor, ...inheritance }: Entry): Promise<void> => {
    keeper = new Keeper(options, owner, lock, inheritance, store, log)
    await keeper.start()
    void keeper.moving.then(() => predecessor?.onMoving())
  }
  store?.start()
  const service = new Service(manager, watchdogMs, () => keeper, log)
  let onDone: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => {
    onDone = resolve
    // `on`, not `once`: a second signal must not end the process during the cleanup
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve)
  })
  const handOver = new HandOver(
    options.runDir,
    {
      role: 'keeper',
      listener: () => keeper?.bound,
      connections: () => keeper?.held ?? [],
      stop: async () => {
        await keeper?.stop({ leaves: true })
        lock.release()
      },
      resume: async () => {
        await serve(await enter(keeper?.connections ?? [], { options, lock, store, log }))
      },
      onDone,
    },
    log,
  )
  try {
    await serve({ ...entry, listener: stored.listener ?? entry.listener })
    // from here on bgpd depends on this process
    process.removeAllListeners('uncaughtException')
    for (const event of ['uncaughtException', 'unhandledRejection'] as const)
      process.on(event, (error: unknown) => {
        log.error(
          { error: reason(error), stack: stackOf(error) },
          'internal error, please report it; the keeper goes on',
        )
      })
    await handOver.listen()
    service.ready()
    collectAfterStart()
    await stopped
  } finally {
    service.stopping()
    handOver.closePath()
    // a service manager that keeps the descriptors gives them to the next keeper if there is one, and else closes them
    await keeper?.stop({ leaves: store?.isKept === true })
    store?.close()
    keeper?.close()
    lock.release()
    handOver.close()
  }
}

type Surroundings = {
  options: RelayOptions
  lock: RunDirLock
  store: DescriptorStore | undefined
  log: Logger
}

/** Everything that bgpd depends on. */
type Entry = Inheritance & {
  /** A relay that has stopped, and goes on unless it hears that the bytes move. */
  predecessor: TakeOver | undefined
}

/** Makes the run directory ours: its lock, and the connections that others have beyond those that are our own. */
async function enter(own: readonly Connection[], { options, lock, store, log }: Surroundings): Promise<Entry> {
  await endUsersOf(
    own.map(({ ends }) => rawHandle(ends.bgpd).fd),
    log,
  )
  const { predecessor, taken } = await takeRunDir(options, lock, log)
  await endUsersOf(
    taken.connections.map(({ descriptors }) => descriptors.bgpd),
    log,
  )
  const known = new Set(own.map(({ offer }) => offer.id))
  for (const connection of taken.connections.filter(({ offer }) => known.has(offer.id)))
    for (const fd of Object.values(connection.descriptors)) closeDescriptor(fd)
  const others = taken.connections.filter(({ offer }) => !known.has(offer.id))
  const connections = [...own, ...adopt(others, store, log)]
  if (connections.length > 0) log.warn({ sessions: connections.length }, 'serving connections that began before')
  return { predecessor, connections, listener: taken.listener }
}

function closeUseless({ incomplete, spare, unknown }: Kept, log: Logger): void {
  for (const { fd } of spare) closeDescriptor(fd)
  for (const { id, descriptors } of incomplete) {
    log.error({ session: id, kept: namesOf(descriptors) }, 'a connection was kept in part; it is closed')
    for (const { fd } of descriptors) closeDescriptor(fd)
  }
  for (const { name, fd } of unknown) {
    log.warn({ name }, 'a descriptor was kept under a name that is not ours; it is closed')
    closeDescriptor(fd)
  }
}

function adopt(connections: readonly KeptConnection[], store: DescriptorStore | undefined, log: Logger): Connection[] {
  return connections.flatMap(({ offer, descriptors, note }) => {
    try {
      const connection = adoptConnection(offer, descriptors)
      store?.add(connection, note)
      return [connection]
    } catch (error) {
      log.error({ session: offer.id, error: reason(error) }, 'the connection cannot be taken over; it is closed')
      return []
    }
  })
}

/**
 * Takes the lock, or takes over from the process that has it: a worker that has lost its keeper, or a keeper if that is
 * wanted. Nothing is touched before, because another relay may live on what is there.
 */
async function takeRunDir(
  options: RelayOptions,
  lock: RunDirLock,
  log: Logger,
): Promise<{ predecessor: TakeOver | undefined; taken: Taken }> {
  const { runDir } = options
  const deadline = performance.now() + PREDECESSOR_MS
  for (;;) {
    const isOurs = lock.take()
    const predecessor = await TakeOver.connect(runDir)
    if (predecessor !== undefined) {
      try {
        if (predecessor.role === 'keeper' && !options.takeOver) throw busy(runDir)
        const taken = await takeOver(predecessor, log)
        await lock.takeSoon(LOCK_MS)
        return { predecessor, taken }
      } catch (error) {
        predecessor.close()
        lock.release()
        throw error
      }
    }
    if (isOurs) return { predecessor: undefined, taken: { listener: undefined, connections: [] } }
    if (performance.now() > deadline) throw busy(runDir)
    await sleep(RETRY_MS)
  }
}

const busy = (runDir: string): FatalError =>
  new FatalError(
    ExitCode.socketBusy,
    `${join(runDir, 'relay.lock')}: another relay uses this run directory; stop it, take over from it with --take-over, or choose another directory with --run-dir`,
  )

const namesOf = (kept: readonly KeptDescriptor[]): readonly string[] => kept.map(({ name }) => name)

function prepareRunDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 })
  } catch (error) {
    throw new FatalError(ExitCode.privilege, `run directory ${path} cannot be made: ${reason(error)}`, { cause: error })
  }
}

function removeJournal(runDir: string, log: Logger): void {
  try {
    rmSync(join(runDir, 'journal'), { force: true })
  } catch (error) {
    log.warn({ error: reason(error) }, 'the journal of an earlier relay cannot be removed')
  }
}

/**
 * bgpd, which runs as zebra's user, must be able to connect even when the relay runs as root. zebra need not run yet: then
 * its directory tells the user. Nothing connects to find out whether it does: when a connection closes that said nothing,
 * zebra (10.3, 10.7) forgets the changes of kernel routes that wait to be worked through, those of other clients included.
 */
function ownerOfListener({ zebra }: RelayOptions, log: Logger, isNew: boolean): Owner | undefined {
  try {
    // connect(2) needs this permission
    accessSync(zebra, constants.W_OK)
  } catch (error) {
    const code = errnoName(error) ?? reason(error)
    // connections that exist are served in any case
    if (isNew && (code === 'EACCES' || code === 'EPERM')) {
      const message = `${zebra}: user ${process.geteuid?.() ?? '?'} may not connect to zebra (${code}); run the relay as zebra's user`
      throw new FatalError(ExitCode.privilege, message, { cause: error })
    }
    log.warn({ zebra, error: code }, 'zebra is not there yet: connections of bgpd are closed until it is')
  }
  if (process.geteuid?.() !== 0) return undefined
  return [zebra, dirname(zebra)]
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .find((found) => found !== undefined)
}

const stackOf = (error: unknown): string | undefined => (error instanceof Error ? error.stack : undefined)
