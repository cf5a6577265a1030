// Faults of processes: killed, stopped, restarted.
import { RELEASES } from '../../lab/frr.js'
import type { Node } from '../node.js'
import { type Fault, nothing, type Undo } from './fault.js'

/** Sends a signal; false if the process is gone. */
export function signal(pid: number | undefined, name: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** Stops a process until it is undone, or somebody else has ended it. */
function stop(pid: number | undefined): Undo {
  signal(pid, 'SIGSTOP')
  return () => {
    signal(pid, 'SIGCONT')
  }
}

/** As watchfrr does when zebra has ended: bgpd tells a new zebra nothing of what it has told the old one. */
async function restartBgpd(node: Node): Promise<void> {
  await node.router.kill('bgpd')
  await node.startBgpd()
}

/** A relay that ends takes zebra away from bgpd, unless a service manager keeps what it had. */
async function startAnew(node: Node): Promise<void> {
  node.forgetRelay()
  await node.startRelay()
  await restartBgpd(node)
}

/** Keeper and worker at once; no other worker begins meanwhile. */
async function killRelay({ router }: Node): Promise<void> {
  const keeper = router.daemon('relay')
  signal(keeper.pid, 'SIGSTOP')
  for (const pid of keeper.children()) signal(pid, 'SIGKILL')
  await keeper.kill('SIGKILL')
}

const STOPS = 5
const AT_ONCE = { least: 0, most: 0 }
const A_MOMENT = { least: 100, most: 2500 }
/** Long enough for anybody who asks how things are. */
const A_WHILE = { least: 3000, most: 6000 }

export const WORKER_KILL: Fault = {
  about: "SIGKILL to the relay's worker",
  targets: ['worker'],
  hold: AT_ONCE,
  weight: 6,
  begin: (node) => {
    signal(node.workerPid(), 'SIGKILL')
    return Promise.resolve(nothing)
  },
}

export const PROCESS_FAULTS = {
  'worker-kill': WORKER_KILL,
  'worker-stop': {
    about: "SIGSTOP to the relay's worker, then SIGCONT",
    targets: ['worker'],
    hold: { least: 50, most: 6000 },
    weight: 4,
    // the keeper replaces it within seconds: on a busy machine that is over before status is asked
    begin: (node) => Promise.resolve(stop(node.workerPid())),
  },
  'keeper-stop': {
    about: "SIGSTOP to the relay's keeper, then SIGCONT",
    targets: ['keeper'],
    hold: { least: 50, most: 6000 },
    weight: 2,
    finding: 'keeper-hung',
    begin: (node) => Promise.resolve(stop(node.keeperPid)),
  },
  'unit-kill': {
    about:
      "SIGKILL to the relay's keeper; its service manager ends the worker, and starts the relay with what it keeps",
    targets: ['keeper', 'worker'],
    hold: AT_ONCE,
    weight: 3,
    begin: async (node) => {
      const worker = node.workerPid()
      await node.router.kill('relay', 'SIGKILL')
      signal(worker, 'SIGKILL')
      await node.startRelay()
      return nothing
    },
  },
  'unit-restart': {
    about: 'SIGTERM to the relay; its service manager starts it with what it keeps',
    targets: ['keeper', 'worker'],
    hold: AT_ONCE,
    weight: 3,
    begin: async (node) => {
      await node.router.kill('relay')
      await node.startRelay()
      return nothing
    },
  },
  'keeper-kill': {
    about: "SIGKILL to the relay's keeper, nothing is kept; later its worker is ended and the relay started",
    targets: ['keeper', 'worker', 'bgpd'],
    hold: A_WHILE,
    weight: 2,
    finding: 'keeper-gone',
    endsSessions: true,
    leavesRemote: true,
    losesTruth: true,
    begin: async (node) => {
      // one that has not got the connections yet ends with the keeper
      await node.workerServes()
      const worker = node.workerPid()
      await node.router.kill('relay', 'SIGKILL')
      return async () => {
        signal(worker, 'SIGKILL')
        await startAnew(node)
      }
    },
  },
  'relay-kill': {
    about: 'SIGKILL to keeper and worker at once, nothing is kept, then the relay is started',
    targets: ['keeper', 'worker', 'bgpd'],
    hold: A_WHILE,
    weight: 2,
    finding: 'relay-not-running',
    endsSessions: true,
    leavesRemote: true,
    losesTruth: true,
    begin: async (node) => {
      await killRelay(node)
      return () => startAnew(node)
    },
  },
  'relay-restart': {
    about: 'SIGTERM to the relay, nothing is kept, then it is started',
    targets: ['keeper', 'worker', 'bgpd'],
    hold: AT_ONCE,
    weight: 1,
    endsSessions: true,
    leavesRemote: true,
    losesTruth: true,
    begin: async (node) => {
      await node.router.kill('relay')
      await startAnew(node)
      return nothing
    },
  },
  'snooper-kill': {
    about: 'SIGKILL to the snooper, then it is started',
    targets: ['snooper'],
    hold: A_WHILE,
    weight: 4,
    finding: 'snooper-not-running',
    begin: async (node) => {
      await node.killSnoop('SIGKILL')
      return () => node.startSnoop()
    },
  },
  'snooper-restart': {
    about: 'SIGTERM to the snooper, then it is started',
    targets: ['snooper'],
    hold: AT_ONCE,
    weight: 2,
    begin: async (node) => {
      await node.killSnoop('SIGTERM')
      await node.startSnoop()
      return nothing
    },
  },
  'snooper-stop': {
    about: 'SIGSTOP to the snooper, then SIGCONT',
    targets: ['snooper'],
    hold: { least: 50, most: 6000 },
    weight: 3,
    finding: 'snooper-hung',
    begin: ({ router }) => Promise.resolve(stop(router.daemon('snoop').pid)),
  },
  'bgpd-kill': {
    about: 'SIGKILL to bgpd, then it is started',
    targets: ['bgpd'],
    hold: A_WHILE,
    weight: 2,
    finding: 'bgpd-not-connected',
    endsSessions: true,
    leavesRemote: true,
    ofFrr: true,
    begin: async (node) => {
      await node.router.kill('bgpd', 'SIGKILL')
      return () => node.startBgpd()
    },
  },
  'bgpd-stop': {
    about: 'SIGSTOP to bgpd, then SIGCONT: its queues fill',
    targets: ['bgpd'],
    // its neighbour waits for 3 s
    hold: { least: 50, most: 2000 },
    weight: 3,
    endsSessions: true,
    ofFrr: true,
    begin: ({ router }) => Promise.resolve(stop(router.daemon('bgpd').pid)),
  },
  'zebra-kill': {
    about: 'SIGKILL to zebra, then it is started',
    targets: ['zebra', 'bgpd'],
    hold: A_WHILE,
    weight: 1,
    finding: 'bgpd-not-connected',
    endsSessions: true,
    leavesRemote: true,
    ofFrr: true,
    begin: async (node) => {
      await node.router.kill('zebra', 'SIGKILL')
      return async () => {
        await node.startZebra()
        await restartBgpd(node)
      }
    },
  },
  'zebra-stop': {
    about: 'SIGSTOP to zebra several times at random moments, in the middle of a write too, each time then SIGCONT',
    targets: ['zebra'],
    hold: A_MOMENT,
    weight: 5,
    ofFrr: true,
    begin: async ({ router }, random) => {
      const { pid } = router.daemon('zebra')
      for (let stops = 0; stops < STOPS; stops++) {
        signal(pid, 'SIGSTOP')
        await new Promise((resolve) => setTimeout(resolve, random.int(1, 200)))
        signal(pid, 'SIGCONT')
        await new Promise((resolve) => setTimeout(resolve, random.int(0, 20)))
      }
      return stop(pid)
    },
  },
  upgrade: {
    about: 'FRR of the node is replaced by another release, and the relay stays',
    targets: ['bgpd', 'zebra'],
    hold: AT_ONCE,
    weight: 1,
    once: true,
    endsSessions: true,
    leavesRemote: true,
    ofFrr: true,
    begin: async (node, random) => {
      await node.upgrade(random.pick(RELEASES))
      return nothing
    },
  },
} satisfies Record<string, Fault>
