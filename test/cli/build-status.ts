// What `macipctl status` is told by processes that are well, but for what a test changes.
import {
  type Answer,
  type NotRunning,
  type RelayReport,
  relayReport,
  type SnooperReport,
  snooperReport,
} from '../../src/cli/report.js'
import type { Status } from '../../src/cli/status/health.js'
import type { KeeperReport } from '../../src/control/keeper-report.js'
import { notRunning } from '../support.js'

export const KEEPER: KeeperReport = {
  ...{ version: '', pid: 41, since: 0, connections: 2, listen: '/run/macipd/zserv.api' },
  ...{ zebra: '/run/frr/zserv.api', runDir: '/run/macipd' },
  worker: { state: 'serving', pid: 42, starts: 1, lastEnd: null },
  ...{ plain: null, isAlone: true, runDirFull: false, descriptorsLeft: null },
}
export const SESSION = {
  ...{ id: 1, kind: 'main', client: '', since: 0, bytesToZebra: 0, bytesToBgpd: 0, inSync: true },
  ...{ framesToZebra: 0, framesToBgpd: 0, injected: 0, dropped: 0, note: '', untrusted: '', uncertain: '' },
}

/** What a bridge does with an ordinary port. */
export const USED = { state: 'forwarding', learning: 'on', macs: 0, silentMs: 0, ahead: [], filters: [] }

type Silence = Partial<NotRunning>
const isSilence = (it: object): it is Silence => 'cause' in it

/** What each says that is not ordinary; undefined: it is not there. */
export function status(
  relay: Partial<RelayReport> | Silence | undefined,
  snooper: Partial<SnooperReport> | Silence | undefined,
  keeper: Partial<KeeperReport> | Silence | undefined = {},
): Status {
  const goodRelay = {
    ...{ ...relayReport({}), sessions: [SESSION], injecting: true, vnis: 1 },
    ...{ workerStarts: 1, keeperPid: 41, workerPid: 42, listen: '/run/macipd/zserv.api' },
  }
  const port = { name: 'tap1', bridge: 'br0', up: true, attached: 'tcx', error: '', bindings: 0, limited: 0, ...USED }
  const goodSnooper = { ...snooperReport({}), relayConnected: true, ports: [port] }
  const said = <Report>(socket: string, good: Report, given: Partial<Report> | Silence | undefined): Answer<Report> => {
    if (given === undefined) return notRunning(socket)
    if (isSilence(given)) return { ...notRunning(socket), ...given }
    return { running: true, socket, ...good, ...given }
  }
  return {
    keeper: said('/run/macipd/keeper.sock', KEEPER, keeper),
    relay: said('/run/macipd/relay.sock', goodRelay, relay),
    snooper: said('/run/macipd/snoop.sock', goodSnooper, snooper),
  }
}
