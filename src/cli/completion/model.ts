// What can follow at each place of a command line, for the scripts of the shells.
import { EVENTS } from '../../bindings/event.js'
import { FAMILIES as ZAPI_FAMILIES } from '../../zapi/messages/index.js'
import { FRR_RELEASES } from '../../zapi/releases.js'
import { MESSAGE_TYPES } from '../fpm/events.js'
import { FAMILIES as FPM_FAMILIES } from '../fpm/filter.js'
import { type CommandNode, everyCommand, type OptionNode } from '../tree.js'
import type { Live } from './live.js'

export type Values =
  | { readonly kind: 'none' | 'file' | 'directory' }
  /** `isList`: several with commas between. */
  | { readonly kind: 'words'; readonly words: readonly string[]; readonly isList: boolean }
  | { readonly kind: 'live'; readonly what: Live }

export type OptionPlace = {
  /** `-n` and `--last` */
  readonly flags: readonly string[]
  /** undefined for a switch */
  readonly values: Values | undefined
  /** More values may follow, up to the next option. */
  readonly isVariadic: boolean
  readonly description: string
}

export type ArgumentPlace = { readonly name: string; readonly values: Values; readonly isVariadic: boolean }

export type Place = {
  /** The words that lead there: `macipctl show vni`. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly OptionPlace[]
  readonly arguments: readonly ArgumentPlace[]
}

const commandNames = ZAPI_FAMILIES.flatMap(({ toZebra, toBgpd }) => [...Object.keys(toZebra), ...Object.keys(toBgpd)])

/** What only the commands themselves know: by command and option. */
export const LISTS: Readonly<Record<string, readonly string[]>> = {
  'macipctl events --event': Object.keys(EVENTS),
  'macipctl zapi dump --command': [...new Set(commandNames.map((name) => name.replace(/^ZEBRA_/, '')))],
  'macipctl zapi dump --family': ZAPI_FAMILIES.map(({ name }) => name),
  'macipctl fpm dump --type': MESSAGE_TYPES,
  'macipctl fpm dump --family': FPM_FAMILIES,
}
export const WORDS: Readonly<Record<string, readonly string[]>> = {
  'macipctl zapi dump --session': ['main', 'vnc', 'synchronous'],
}
const RELEASES = FRR_RELEASES.map(({ name }) => name)

const OF_OPTION: Readonly<Record<string, Live>> = {
  '--vni': 'vni',
  '--port': 'port',
  '--exclude': 'port',
  '--mac': 'mac',
  '--ip': 'ip',
}

/** Which addresses a command is about, if not those of this node. */
export const ADDRESSES: Readonly<Record<string, Live>> = {
  'macipctl explain': 'known',
  'macipctl show remote': 'remote',
  'macipctl show vteps': 'vtep',
  'macipctl show fpm macs': 'remote',
  'macipctl show fpm routes': 'remote',
  'macipctl show fpm nexthops': 'vtep',
  'macipctl fpm dump': 'remote',
}

export const placesOf = (program: CommandNode): Place[] => everyCommand(program).map(placeOf)

function placeOf({ path: words, commands, options, arguments: given }: CommandNode): Place {
  const path = words.join(' ')
  return {
    path,
    commands: commands.map((it) => ({ name: it.path.at(-1) ?? '', summary: it.summary })),
    options: options.map((option) => ({
      flags: option.short === undefined ? [option.long] : [option.short, option.long],
      values: option.value === undefined ? undefined : valuesOf(path, option, option.value),
      isVariadic: option.isVariadic,
      description: option.description,
    })),
    arguments: given.map(({ name, choices, isVariadic }) => ({
      name,
      values:
        choices.length > 0
          ? { kind: 'words', words: choices, isList: false }
          : name === 'address'
            ? { kind: 'live', what: ADDRESSES[path] ?? 'address' }
            : byName(name),
      isVariadic,
    })),
  }
}

function valuesOf(path: string, { long, choices }: OptionNode, name: string): Values {
  const list = LISTS[`${path} ${long}`]
  if (list !== undefined) return { kind: 'words', words: list, isList: true }
  const words = long === '--frr-release' ? RELEASES : (WORDS[`${path} ${long}`] ?? choices)
  if (words.length > 0) return { kind: 'words', words, isList: false }
  const what = OF_OPTION[long]
  return what === undefined ? byName(name) : { kind: 'live', what }
}

function byName(name: string): Values {
  if (name === 'dir') return { kind: 'directory' }
  return { kind: name === 'file' || name === 'path' ? 'file' : 'none' }
}
