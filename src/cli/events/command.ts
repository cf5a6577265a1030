// `macipctl events` shows what happened to bindings, and what happens.
import { Argument, Command, Option } from 'commander'
import { EXIT_CODES } from '../command.js'
import { EVENTS, MAX_EVENTS } from '../../bindings/event.js'
import { snoop as proto } from '../../gen/snoop.js'
import { eventLine } from './text.js'
import { type EventReport, eventReport } from '../explain/report.js'
import { ALL, follow, type Followed } from '../follow.js'
import { type Io, print, remark } from '../io.js'
import {
  type Address,
  addressArgument,
  lastArgument,
  namesArgument,
  ofSnooper,
  type SnooperOnly,
  sockets,
  targetToProto,
  vniOption,
} from '../options.js'
import { count, paintFor } from '../text.js'

type Given = SnooperOnly & { vni?: number; event?: readonly string[]; last?: number; follow?: true }

/** So many events are shown without --last. */
const DEFAULT_LAST = 100

const NAMES = Object.keys(EVENTS)
const WIDTH = Math.max(...NAMES.map((name) => name.length))

export const eventsCommand = (io: Io): Command =>
  ofSnooper(new Command('events'), io)
    .summary('what happened to addresses, and what happens')
    .description(
      `Shows what happened to the addresses on this node since the snooper started, ${MAX_EVENTS} events at most: then the port that has the most loses its oldest ones.`,
    )
    .addArgument(new Argument('[address]', 'only about this IP or MAC address').argParser(addressArgument))
    .addOption(vniOption('only in this VNI'))
    .addOption(
      new Option('--event <names>', 'only these: moved,duplicate,…; may be given again').argParser(eventsArgument),
    )
    .addOption(
      new Option(
        '-n, --last <number>',
        `only the last ones that match, or all (default: ${DEFAULT_LAST}; with --follow 0)`,
      ).argParser((text) => lastArgument(text, ALL)),
    )
    .option('-f, --follow', 'go on with what comes, until interrupted')
    .addHelpText(
      'after',
      `
Events:
${Object.entries(EVENTS)
  .map(([name, meaning]) => `  ${name.padEnd(WIDTH)}  ${meaning}`)
  .join('\n')}

JSON: one object on each line. type event: sequence, time, event, vni (null: none), ip, mac, port, detail;
type lost: count of events that came faster than they were read
${EXIT_CODES}

Examples:
  macipctl events 10.0.0.5
  macipctl events --follow --event contested,duplicate,taken-over
  macipctl events --event refused --last all --json`,
    )
    .action(async (address: Address | undefined, given: Given) => {
      const { follow: goOn = false, last = goOn ? 0 : DEFAULT_LAST } = given
      const filter = { ...targetToProto(address, given.vni), events: [...(given.event ?? [])] }
      const paint = paintFor(io)
      const show = (event: EventReport): void => {
        print(io, given.json ? jsonLine({ type: 'event', ...event }) : `${eventLine(event, Date.now(), paint)}\n`)
      }
      const onLost = (lost: number): void => {
        if (given.json) print(io, jsonLine({ type: 'lost', count: lost }))
        else remark(io, `${count(lost, 'event')} came faster than they were read`)
      }
      const question: Followed<proto.FromSnoop, proto.ToSnoop.$Properties> = {
        path: (await sockets(given)).snoop,
        who: 'snooper',
        ask: { getEvents: { follow: goOn, last, filter } },
        decode: (bytes) => proto.FromSnoop.decode(bytes),
        encode: (message) => proto.ToSnoop.encode(message).finish(),
        onPart: ({ events, end }) => {
          if (events?.lost != null && events.lost > 0) onLost(events.lost)
          for (const event of events?.events ?? []) show(eventReport(event))
          return end != null && !goOn
        },
      }
      await follow(question, io.interruption())
    })

const jsonLine = (value: object): string => `${JSON.stringify(value)}\n`

const eventsArgument = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...namesArgument(text, NAMES),
]
