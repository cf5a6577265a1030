// The parts of `macipd snoop --help` and `macipd proxy --help` about keys that only the configuration file has.
import { wrap } from '../base/wrap.js'
import { helpOf, KEYS } from './keys.js'

const COLUMNS = 80

const isOfItem = (name: string): boolean => name.slice(0, name.lastIndexOf('.')) in KEYS

function fileOnly(sections: RegExp): string {
  const names = Object.entries(KEYS)
    .filter(([name, { option }]) => sections.test(name) && option === undefined && !isOfItem(name))
    .map(([name]) => name)
  const indent = ' '.repeat(Math.max(...names.map((name) => name.length)) + 4)
  return [
    'Only in the configuration file (docs/configuration.md):',
    ...names.flatMap((name) =>
      wrap(helpOf(name), COLUMNS - indent.length).map(
        (line, index) => (index === 0 ? `  ${name}`.padEnd(indent.length) : indent) + line,
      ),
    ),
  ].join('\n')
}

/** The keys of the snooper that have no option. */
export const FILE_ONLY = fileOnly(/^(snoop|fpm|metrics)\./)

/** The keys of the proxy that have no option. */
export const PROXY_FILE_ONLY = fileOnly(/^proxy\./)
