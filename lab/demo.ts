// `npm run demo`: what macipd is for, shown with real FRR daemons.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { Command, CommanderError, Option } from 'commander'
import { configured } from '../src/cli/command.js'
import { processIo } from '../src/cli/io.js'
import { ExitCode, FatalError, reason } from '../src/base/exit.js'
import { AFTERWARDS, playground } from './demo/hints.js'
import { Stage } from './demo/stage.js'
import { handshakeOf, tell } from './demo/story.js'
import { TIME_ZONE } from './demo/timeline.js'
import { Fabric } from './fabric.js'
import { makeReady, type Release, RELEASES } from './frr.js'
import { directory, listLabs } from './holder.js'
import { Lab, requireRoot } from './lab.js'
import { waitFor } from './wait.js'

type Options = { frr: Release; keep?: true }

/** Ended by a signal: not an error, but no success either. */
class Interrupted extends Error {
  constructor(readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE') {
    super(`ended by ${signal}`)
  }

  /** As a shell reports it. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal]
  }
}

/** Rejects when the demo is to end before its time. */
function interruption(): Promise<never> {
  return new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => {
        reject(new Interrupted(signal))
      })
    // the reader has seen enough
    process.stdout.on('error', () => {
      reject(new Interrupted('SIGPIPE'))
    })
  })
}

async function play(stage: Stage, { frr }: Options, name: string): Promise<Fabric> {
  handshakeOf(stage, frr)
  const fabric = await stage.step('Links and daemons are started, until BGP has converged', () =>
    Fabric.start({ frr, name }),
  )
  await stage.step('bgpd makes all its connections to zebra, through the relay', () => fabric.allConnected())
  try {
    await tell(stage, fabric)
  } catch (error) {
    // the reason comes last, where it is seen
    const message = `the last lines of the logs:\n${fabric.lab.logTails()}\ndemo: ${reason(error)}`
    throw new FatalError(ExitCode.internal, message, { cause: error })
  }
  return fabric
}

/** Takes the lab away, in whatever state it is. */
async function clear(name: string): Promise<void> {
  const isUp = (): boolean => listLabs().some(({ state }) => state.name === name)
  await waitFor(
    `lab "${name}" to be up or gone`,
    () => isUp() || !existsSync(directory(name)),
    (settled) => settled,
  )
  if (isUp()) await Lab.find(name).stop()
}

async function demo(options: Options): Promise<void> {
  requireRoot()
  makeReady(options.frr)
  // the time stamps of all logs can be compared
  process.env['TZ'] = TIME_ZONE
  const name = `demo-${randomBytes(2).toString('hex')}`
  const stage = new Stage(process.stdout, process.env)
  try {
    const { lab } = await Promise.race([play(stage, options, name), interruption()])
    stage.scene(options.keep ? 'The fabric stays up: play with it' : 'What to try next')
    if (options.keep) lab.detach()
    else await lab.stop()
    stage.say((options.keep ? playground(lab) : AFTERWARDS).trim())
    stage.say(`Done after ${stage.seconds()}.${options.keep ? '' : ` Nothing is left of lab "${name}".`}`)
  } catch (error) {
    stage.close()
    await clear(name)
    throw error
  }
}

const program = configured(new Command('demo'), processIo())
  .configureHelp({ commandUsage: () => 'npm run demo -- [options]' })
  .description(
    'Two nodes of an EVPN fabric with real FRR daemons, macipd on one of them: a VM there sends one ARP and one ND ' +
      "frame, and the far node's vtysh shows its MAC+IP routes. Everything runs in network namespaces of this machine " +
      'and is gone at the end. Needs root on Debian 12 or newer and takes some seconds; the first time it installs ' +
      'missing Debian packages and fetches FRR into /var/cache/macipd-lab.',
  )
  .addOption(new Option('--frr <release>', 'FRR release of both nodes').choices(RELEASES).default('8.4'))
  .option('--keep', 'leave the fabric up at the end, and print what to do with it')
  .addHelpText(
    'after',
    `
Exit codes:
  0    everything was as the story tells
  1    something was not: the reason and the last lines of the logs are on standard error
  2    wrong option
  3    not root, or not on Debian
  130  ended by Ctrl-C, with nothing left behind

Examples:
  npm run demo
  npm run demo -- --frr 10.7 --keep
  npm run demo | tee demo.txt`,
  )
  .action(demo)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = complain(error)
}
// an interrupted demo may still be waiting for something
process.exit()

function complain(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return ExitCode.ok
    console.error(`demo: ${error.message.replace(/^error: /, '')} (see npm run demo -- --help)`)
    return ExitCode.usage
  }
  console.error(`demo: ${reason(error)}`)
  if (error instanceof Interrupted) return error.exitCode
  return error instanceof FatalError ? error.exitCode : ExitCode.internal
}
