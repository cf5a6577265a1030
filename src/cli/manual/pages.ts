// The three manual pages.
import { version } from '../../base/version.js'
import { DEFAULT_CONFIG } from '../../config/file.js'
import { FILE_ONLY, PROXY_FILE_ONLY } from '../../config/help.js'
import { defaultPaths } from '../../config/settings.js'
import { EXIT_CODES } from '../command.js'
import type { CommandNode } from '../tree.js'
import { configPage } from './config-page.js'
import { programPage } from './program-page.js'
import type { Title } from './roff.js'

export type Sources = {
  readonly macipd: CommandNode
  readonly macipctl: CommandNode
  /** The text of docs/configuration.md. */
  readonly configuration: string
  /** The date in the pages, `2026-11-29`; empty for none. */
  readonly date: string
}

const CONFIG_PAGE = 'macipd.yaml(5)'

/** Returns the pages by their file names. */
export function pages({ macipd, macipctl, configuration, date }: Sources): Record<string, string> {
  const title = (name: string, section: number, manual: string): Title => ({
    ...{ name, section, date, manual },
    source: `macipd ${version}`,
  })
  const paths = defaultPaths(undefined)
  const common = { exitCodes: EXIT_CODES, fileOnly: [FILE_ONLY, PROXY_FILE_ONLY], configPage: CONFIG_PAGE }
  const file = { [DEFAULT_CONFIG]: `Configuration: ${CONFIG_PAGE}.` }
  const sockets = {
    [paths.relayControl]: 'The control socket of the relay.',
    [paths.snoopControl]: 'The control socket of the snooper.',
  }
  return {
    'macipd.8': programPage(macipd, {
      ...common,
      title: title('macipd', 8, 'System administration'),
      files: {
        ...file,
        [paths.listen]: 'The socket that bgpd connects to.',
        ...sockets,
        [paths.state]: 'What the snooper has learned, for the time after a restart of the machine.',
      },
      seeAlso: ['macipctl(8)', CONFIG_PAGE, 'bgpd(8)', 'zebra(8)', 'bridge(8)'],
    }),
    'macipctl.8': programPage(macipctl, {
      ...common,
      title: title('macipctl', 8, 'System administration'),
      files: { ...file, ...sockets },
      seeAlso: ['macipd(8)', CONFIG_PAGE, 'vtysh(1)', 'bridge(8)'],
    }),
    'macipd.yaml.5': configPage(configuration, {
      title: title('macipd.yaml', 5, 'File formats'),
      path: DEFAULT_CONFIG,
      seeAlso: ['macipd(8)', 'macipctl(8)'],
    }),
  }
}
