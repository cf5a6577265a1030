// The part of `macipd snoop --help` about keys that only the configuration file has.
import { wrap } from '../base/wrap.js'
import { helpOf, KEYS } from './keys.js'

const COLUMNS = 80

const ofSnooper = Object.entries(KEYS).filter(([name]) => /^(snoop|fpm|metrics)\./.test(name))
const isOfItem = (name: string): boolean => name.slice(0, name.lastIndexOf('.')) in KEYS
const fileOnly = ofSnooper.filter(([name, { option }]) => option === undefined && !isOfItem(name)).map(([name]) => name)
const indent = ' '.repeat(Math.max(...fileOnly.map((name) => name.length)) + 4)

/** The keys of the snooper that have no option. */
export const FILE_ONLY = [
  'Only in the configuration file (docs/configuration.md):',
  ...fileOnly.flatMap((name) =>
    wrap(helpOf(name), COLUMNS - indent.length).map(
      (line, index) => (index === 0 ? `  ${name}`.padEnd(indent.length) : indent) + line,
    ),
  ),
].join('\n')
