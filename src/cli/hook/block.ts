// The block in /etc/frr/daemons by which FRR starts bgpd with the relay's socket. Pure.

const BEGIN = '# BEGIN macipd'
const END = '# END macipd'

export type Hook = {
  /** Also starts zebra with its FPM module. */
  fpm: boolean
  /** Path of the relay's socket, if it is not the usual one. */
  socket?: string | undefined
}

/** A file whose block somebody has damaged. `line` counts from 1. */
export class DamagedBlockError extends Error {
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message)
  }
}

type Place = { begin: number; end: number }

/** Returns the lines of the block, from 0, the last one included; undefined if there is none. */
function placeOf(lines: readonly string[]): Place | undefined {
  const begin = lines.findIndex((line) => line.startsWith(BEGIN))
  const end = lines.findIndex((line) => line.startsWith(END))
  if (begin === -1 && end === -1) return undefined
  if (begin === -1) throw new DamagedBlockError(end + 1, `"${END}" without "${BEGIN}" before it`)
  if (end < begin) throw new DamagedBlockError(begin + 1, `"${BEGIN}" without "${END}" after it`)
  const second = lines.findIndex((line, index) => index > begin && line.startsWith(BEGIN))
  if (second !== -1) throw new DamagedBlockError(second + 1, `a second "${BEGIN}"`)
  return { begin, end }
}

/** What the text has of the hook; undefined if it has none. Throws DamagedBlockError, as all functions here. */
export function hookIn(text: string): Hook | undefined {
  const lines = text.split('\n')
  const place = placeOf(lines)
  if (place === undefined) return undefined
  const block = lines.slice(place.begin, place.end)
  const socket = block.find((line) => line.startsWith(SOCKET))
  return { fpm: block.includes(FPM), socket: socket && unquoted(socket.slice(SOCKET.length)) }
}

const FPM = 'macipd_fpm=yes'
const SOCKET = 'macipd_socket='

/** The lines of the block. `script` is the path of the file to source. */
const blockOf = ({ fpm, socket }: Hook, script: string): string[] => [
  `${BEGIN} (macipctl hook): bgpd reaches zebra through the relay`,
  ...(socket === undefined ? [] : [`${SOCKET}${quoted(socket)}`]),
  ...(fpm ? [FPM] : []),
  `if [ -r ${quoted(script)} ]; then . ${quoted(script)}; fi`,
  END,
]

/** For a shell. */
const quoted = (word: string): string =>
  /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
const unquoted = (word: string): string =>
  word.startsWith("'") ? word.slice(1, -1).replaceAll(String.raw`'\''`, "'") : word

/** The text with the block at its end, or instead of the one that it has. */
export function withHook(text: string, hook: Hook, script: string): string {
  const lines = text.split('\n')
  const block = blockOf(hook, script)
  const place = placeOf(lines)
  if (place !== undefined) return [...lines.slice(0, place.begin), ...block, ...lines.slice(place.end + 1)].join('\n')
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${block.join('\n')}\n`
}

/** The text without the block; the same text if it has none. */
export function withoutHook(text: string): string {
  const lines = text.split('\n')
  const place = placeOf(lines)
  return place === undefined ? text : [...lines.slice(0, place.begin), ...lines.slice(place.end + 1)].join('\n')
}

export type Change = { sign: '+' | '-'; line: string }

/** The lines that differ, in the order of the file; the texts differ in one place at most. */
export function changesOf(before: string, after: string): Change[] {
  const [old, now] = [before.split('\n'), after.split('\n')]
  const most = Math.min(old.length, now.length)
  let same = 0
  while (same < most && old[same] === now[same]) same++
  let tail = 0
  while (tail < most - same && old.at(-1 - tail) === now.at(-1 - tail)) tail++
  const marked = (sign: Change['sign'], lines: string[]): Change[] =>
    lines.slice(same, lines.length - tail).map((line) => ({ sign, line }))
  return [...marked('-', old), ...marked('+', now)]
}
