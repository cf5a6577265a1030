// `macipctl zapi replay` shows what the relay would do about a recorded exchange.
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { configured, releaseArgument } from '../../command.js'
import { type Io, print, remark } from '../../io.js'
import { ExitCode, FatalError } from '../../../base/exit.js'
import type { FrrRelease } from '../../../zapi/releases.js'
import type { Entry } from '../../../bindings/model.js'
import type { ExchangeRecord } from '../../../record/zapi-records.js'
import { replay as replayExchange } from '../../../relay/replay.js'
import { parseAddress, vniArgument } from '../../options.js'
import { Comparison } from './check.js'
import { recordsOf } from './source.js'
import { actJson, actLine, differenceJson, differenceLine } from './text.js'
import { count, paintFor } from '../../text.js'

type Given = { entry: Entry[]; frrRelease?: FrrRelease; check?: true; json?: true }

export const replayCommand = (io: Io): Command =>
  configured(new Command('replay'), io)
    .summary('what the relay would do about a recorded exchange')
    .description(
      `Feeds a recorded exchange to the relay's logic, without any daemon, and prints what it would inject into zebra's messages to bgpd, what it would drop of them, and why, with the recorded times. The relay's journal is such a recording: copy /run/macipd/journal. It must begin with the session.

Actions: session and end (of the main session), inject, drop (a message of zebra that bgpd does not get), status (why an entry is not announced), fault (a message that is not what the release says).`,
    )
    .addHelpText(
      'after',
      `
JSON: time, offset (ms since the first record), action, and
  session     session, kind, client, release (empty if not certain), releaseReason
  end         session
  inject      vni, mac, ip (null: the MAC alone), command, seq, flags, esi or state, cause (of a withdrawal)
  drop        vni, mac, ip, command, seq, flags, esi or state
  status      vni, mac, ip, status, seq
  fault       session, fault
  difference  vni, mac, ip, recorded, replayed (with --check, last; without times)`,
    )
    .addArgument(new Argument('<file>', 'the recording'))
    .addOption(
      new Option('--entry <vni,mac,ip>', 'what if this had been learned before the recording began (repeatable)')
        .argParser(entryArgument)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--frr-release <release>',
        'the FRR release, as the option of the relay (default: detected)',
      ).argParser(releaseArgument),
    )
    .option('--check', 'compare with what was recorded as injected and dropped; exit code 1 if it differs')
    .option('--json', 'print one JSON object a line: times in milliseconds since the epoch')
    .action((path: string, given: Given) => {
      run(io, path, given)
    })

function run(io: Io, path: string, given: Given): void {
  const paint = paintFor(io)
  const comparison = new Comparison()
  const recording = new Recording(recordsOf(path))
  for (const act of replayExchange(recording, { configured: given.frrRelease, entries: given.entry })) {
    comparison.add(act)
    if (act.type === 'recorded') continue
    print(io, given.json ? actJson(act, recording.start) : (actLine(act, recording.start, paint) ?? ''))
  }
  if (recording.cut !== undefined) remark(io, `${path} is cut: ${recording.cut}`)
  if (!given.check) return
  const differences = comparison.differences(recording.cut !== undefined)
  for (const difference of differences) {
    print(io, given.json ? differenceJson(difference) : differenceLine(difference, paint))
  }
  const { inject, drop } = comparison.replayed
  const did = `${inject} injected, ${drop} dropped`
  if (differences.length === 0) remark(io, `the replay agrees with the recording: ${did}`)
  else {
    const where = count(differences.length, 'MAC-IP')
    throw new FatalError(ExitCode.internal, `the replay differs from the recording in ${where}: ${did}`)
  }
}

/** Passes on the records of a recording, and knows their start and end. */
class Recording implements Iterable<ExchangeRecord> {
  /** Time of the first record. */
  start = 0
  /** How the recording ends early, if it does. */
  cut: string | undefined

  constructor(private readonly source: Generator<ExchangeRecord, string | undefined>) {}

  *[Symbol.iterator](): Generator<ExchangeRecord> {
    let next = this.source.next()
    if (next.done !== true) this.start = next.value.time
    while (next.done !== true) {
      yield next.value
      next = this.source.next()
    }
    this.cut = next.value
  }
}

function entryArgument(text: string, entries: readonly Entry[]): Entry[] {
  const [vniText = '', macText = '', ipText = '', ...more] = text.split(',')
  const [mac, ip] = [parseAddress(macText), parseAddress(ipText)]
  if (mac === undefined || !('mac' in mac) || ip === undefined || !('ip' in ip) || more.length > 0) {
    throw new InvalidArgumentError('Expected VNI,MAC,IP such as 100,bc:24:11:00:00:01,10.0.0.1.')
  }
  const key = { vni: vniArgument(vniText), mac: mac.mac, ip: ip.ip }
  return [
    ...entries,
    { ...key, router: false, port: '', vlan: 0, firstSeen: 0, lastSeen: 0, minSeq: 0, observe: false },
  ]
}
