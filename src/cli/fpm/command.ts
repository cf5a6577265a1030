// `macipctl fpm dump` shows what zebra programs, as its FPM connection tells it.
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { configured, EXIT_CODES } from '../command.js'
import { ExitCode, FatalError } from '../../base/exit.js'
import type { FpmRecord } from '../../record/fpm-records.js'
import { FpmCaptureWriter } from '../../record/pcapng/fpm-capture.js'
import { version } from '../../base/version.js'
import { parsePrefix } from '../zapi/dump/filter.js'
import type { TimeStyle } from '../zapi/dump/lines.js'
import { CaptureFile, lineOutput, type Output } from '../zapi/dump/output.js'
import { type Io, remark, terminalWidth } from '../io.js'
import { type FpmDumpEvent, fpmEvent, MESSAGE_TYPES, type MessageType } from './events.js'
import { type About, FAMILIES, type Family, type FpmFilter, selected } from './filter.js'
import { fpmComment, fpmJsonLines, FpmTextRenderer } from './text.js'
import { fromFpmFile, fromSnooper, type FpmRecording } from './source.js'
import {
  lastArgument,
  namesArgument,
  ofSnooper,
  parseAddress,
  type SnooperOnly,
  sockets,
  tableOption,
  vniOption,
} from '../options.js'
import { Tail } from '../tail.js'
import { paintFor } from '../text.js'

type Given = SnooperOnly &
  Omit<FpmFilter, 'about'> & {
    follow?: true
    last?: number
    time: TimeStyle
    verbose?: boolean
    hex?: boolean
    write?: string
    read?: string
  }

/** So many frames are shown without --last. */
const DEFAULT_LAST = 100

const dumpCommand = (io: Io): Command =>
  ofSnooper(new Command('dump'), io, { notWithJson: ['write'] })
    .summary('what zebra programs, decoded')
    .description(
      `Shows what zebra's FPM connection has told the snooper: routes, nexthops and remote MACs as it programs them.

+ added; - gone; ~ replaces what was there; ! not understood. The number before is that of the connection. Filters are combined: what is shown matches all of them.`,
    )
    .addArgument(
      new Argument(
        '[address]',
        'only about this MAC, this IP (of a host, a gateway or a VTEP), or routes inside this prefix',
      ).argParser(aboutArgument),
    )
    .addOption(new Option('-f, --follow', 'go on with what comes, until interrupted').conflicts('read'))
    .addOption(
      new Option(
        '-n, --last <number>',
        `only the last frames that match, or all (default: ${DEFAULT_LAST}; with --follow 0; with --read or --write all)`,
      ).argParser((text) => lastArgument(text, Infinity)),
    )
    .addOption(
      new Option('--type <names>', `only of these types: ${MESSAGE_TYPES.join(', ')}`).argParser((text) =>
        namesArgument<MessageType>(text, MESSAGE_TYPES),
      ),
    )
    .addOption(
      new Option('--family <names>', `only of these address families: ${FAMILIES.join(', ')}`).argParser((text) =>
        namesArgument<Family>(text, FAMILIES),
      ),
    )
    .addOption(vniOption('only about this VNI'))
    .addOption(tableOption('only routes of this table'))
    .addOption(
      new Option('--time <style>', 'time of day, or seconds since the first frame or the one before')
        .choices(['clock', 'relative', 'delta'])
        .default('clock'),
    )
    .addOption(new Option('-v, --verbose', 'every field on a line of its own').conflicts(['json', 'write']))
    .addOption(new Option('-x, --hex', 'the bytes of the frame, too').conflicts('write'))
    .option('-w, --write <file>', 'write a pcapng file for Wireshark, tshark and --read; - is standard output')
    .option('-r, --read <file>', 'read such a file instead of asking the snooper; - is standard input')
    .addHelpText(
      'after',
      `
JSON: one object for each message (docs/fpm.md)
${EXIT_CODES}

Examples:
  macipctl fpm dump --follow --type mac
  macipctl fpm dump 10.2.0.0/16 --verbose
  macipctl fpm dump --write fpm.pcapng
  macipctl fpm dump --read fpm.pcapng --vni 100 --json`,
    )
    .action(async (about: About | undefined, given: Given) => {
      const { read, write, follow = false, last = defaultLast(given) } = given
      if (read !== undefined && read !== '-' && read === write)
        throw new FatalError(ExitCode.usage, `${read} cannot be read and written at the same time`)
      const socket = read === undefined ? (await sockets(given)).snoop : ''
      const output = outputFor(io, given)
      const view = new FpmDumpView(output, filterOf(given, about), last)
      const interrupted = io.interruption()
      try {
        if (read === undefined) await fromSnooper(socket, { history: last > 0, follow }, view, interrupted)
        else remark(io, ...(await fromFpmFile(io, read, view, interrupted)))
      } finally {
        view.onCaughtUp()
        remark(io, ...output.end())
      }
    })

export const fpmCommand = (io: Io): Command =>
  configured(new Command('fpm'), io)
    .summary('what zebra programs, as its FPM connection tells it')
    .description(
      "Looks into zebra's FPM connection to the snooper. What follows from it: macipctl show fpm, and macipctl check.",
    )
    .addCommand(dumpCommand(io))

function defaultLast({ follow, read, write }: Given): number {
  if (read !== undefined || write !== undefined) return Infinity
  return follow === true ? 0 : DEFAULT_LAST
}

const filterOf = ({ type, family, vni, table }: Given, about: About | undefined): FpmFilter => ({
  ...(type !== undefined && { type }),
  ...(family !== undefined && { family }),
  ...(vni !== undefined && { vni }),
  ...(table !== undefined && { table }),
  ...(about !== undefined && { about }),
})

function outputFor(io: Io, { write, json, time, verbose = false, hex = false }: Given): Output<FpmDumpEvent> {
  if (write !== undefined) return captureOutput(io, write)
  if (json === true) return lineOutput(io, (event) => fpmJsonLines(event, hex))
  const renderer = new FpmTextRenderer({ time, verbose, hex, width: terminalWidth(io), paint: paintFor(io) })
  return lineOutput(io, (event) => renderer.lines(event))
}

function captureOutput(io: Io, name: string): Output<FpmDumpEvent> {
  const writer = new FpmCaptureWriter()
  const file = new CaptureFile(io, name, writer.begin(`macipctl ${version}`))
  return {
    event: (event) => {
      file.packet(writer.packet(event.record, fpmComment(event)))
    },
    flush: () => {
      file.flush()
    },
    end: () => file.end(),
  }
}

/** Selects events, and shows the last ones and those that follow. */
class FpmDumpView implements FpmRecording {
  private readonly tail: Tail<FpmDumpEvent>

  /** @param last how many of the events recorded before are shown */
  constructor(
    private readonly output: Output<FpmDumpEvent>,
    private readonly filter: FpmFilter,
    last: number,
  ) {
    this.tail = new Tail(last, (event) => {
      output.event(event)
    })
  }

  onRecord(record: FpmRecord): void {
    const event = fpmEvent(record)
    const shown = event && selected(event, this.filter)
    if (shown !== undefined) this.tail.add(shown)
  }

  onPause(): void {
    this.output.flush()
  }

  onCaughtUp(): void {
    this.tail.end()
    this.output.flush()
  }
}

function aboutArgument(text: string): About {
  const prefix = parsePrefix(text)
  const about = prefix === undefined ? parseAddress(text) : { prefix }
  if (about === undefined)
    throw new InvalidArgumentError('Expected a MAC address, an IP address, or a prefix such as 10.0.0.0/8.')
  return about
}
