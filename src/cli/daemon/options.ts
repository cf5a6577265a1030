// Holds the options of both daemons, and ends them on a defect.
import { type Command, Option } from 'commander'
import { reason } from '../../base/exit.js'
import { LOG_LEVELS, type Logger } from '../../base/log.js'
import { helpOf } from '../../config/keys.js'
import { configOption, configured, pathspaceOption } from '../command.js'
import type { Io } from '../io.js'

/** Makes a command one that starts a daemon. Its options have no defaults, which would win over the file. */
export const ofDaemon = (command: Command, io: Io): Command =>
  configured(command, io)
    .addOption(configOption('configuration file'))
    .addOption(pathspaceOption())
    .addOption(new Option('--log-level <level>', helpOf('log.level')).choices(LOG_LEVELS))

/** Logs an error that nothing caught and ends the process, so that its supervisor starts it anew. */
export function endOnDefect(log: Logger, io: Io): void {
  io.onDefect((error) => {
    log.fatal({ error: reason(error), stack: error.stack }, 'internal error, please report it')
  })
}
