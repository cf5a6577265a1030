#!/usr/bin/env node
// The command `macipctl`: asks relay and snooper, prints for people or for programs.
import { Argument, Command, Option } from 'commander'
import { configured, EXIT_CODES, run, withVersion } from '../cli/command.js'
import { errnoName, ExitCode, FatalError } from '../base/exit.js'
import { STATES } from '../bindings/state.js'
import { askBindings, askOverlay, askRelay, askSnooper } from '../cli/queries.js'
import { check } from '../cli/check/command.js'
import { clear } from '../cli/clear/command.js'
import { dumpCommand } from '../cli/zapi/dump/command.js'
import { events } from '../cli/events/command.js'
import { explain } from '../cli/explain/command.js'
import { type Filter, renderBindings, select } from '../cli/bindings/table.js'
import { fpm } from '../cli/fpm/command.js'
import { findings } from '../cli/status/health.js'
import { addressArgument, type Common, common, json, print, sockets, vniArgument } from '../cli/options.js'
import { replay } from '../cli/zapi/replay/command.js'
import { show } from '../cli/show/command.js'
import { renderStatus } from '../cli/status/text.js'
import { paintFor } from '../cli/text.js'

const status = common(new Command('status'))
  .summary('is everything fine, and what is wrong')
  .description('Shows what is wrong and what to do, then the state of relay and snooper.')
  .action(async (given: Common) => {
    const { relay, snoop } = sockets(given)
    const [relayAnswer, snooper] = await Promise.all([askRelay(relay), askSnooper(snoop)])
    const answers = { relay: relayAnswer, snooper }
    const now = Date.now()
    if (given.json) {
      const found = findings(answers, now)
      print(json({ healthy: found.every(({ severity }) => severity !== 'problem'), findings: found, ...answers }))
    } else {
      print(renderStatus(answers, now, paintFor(process.stdout, process.env)))
    }
    if (!relayAnswer.running && !snooper.running) nothingAnswers(relay, snoop)
  })

const bindings = common(new Command('bindings'))
  .summary('the MAC-IPs that were learned, and what became of each')
  .description(
    `Lists the MAC-IPs learned on this node. Without a snooper, those that the relay still holds.

States:
  active     announced to bgpd
  pending    held, WHY says for what
  probing    the host is asked whether it is still there
  contested  another host claims the address, or zebra routes it elsewhere; the owner is asked
  duplicate  the address moved too often: withdrawn and frozen
  remote     the address is behind another VTEP
  shadowed   zebra announces it itself`,
  )
  .addArgument(new Argument('[address]', 'only this IP or MAC address').argParser(addressArgument))
  .addOption(new Option('--vni <number>', 'only this VNI').argParser(vniArgument))
  .addOption(new Option('--state <state>', 'only in this state').choices(Object.keys(STATES)))
  .option('--port <name>', 'only on this port')
  .addHelpText(
    'after',
    `
Examples:
  macipctl bindings --state duplicate
  macipctl bindings --port tap101i0 --vni 100
  macipctl bindings bc:24:11:00:00:01 --json`,
  )
  .action(async (address: Filter | undefined, given: Common & Filter) => {
    const { relay, snoop } = sockets(given)
    const { vni, state, port } = given
    const filter = { ...address, ...(vni && { vni }), ...(state && { state }), ...(port && { port }) }
    const snooper = await askBindings(snoop)
    const answer = snooper.running ? snooper : await askOverlay(relay)
    if (!answer.running) return nothingAnswers(relay, snoop)
    const selected = select(answer.bindings, filter)
    if (given.json) print(json({ source: snooper.running ? 'snooper' : 'relay', bindings: selected }))
    else print(renderBindings(selected, Date.now(), paintFor(process.stdout, process.env)))
    if (!snooper.running) {
      process.stderr.write(`macipctl: no snooper at ${snoop}: ${snooper.error}; these are the relay's entries\n`)
    }
  })

function nothingAnswers(relay: string, snoop: string): never {
  throw new FatalError(ExitCode.notRunning, `neither the relay (${relay}) nor the snooper (${snoop}) answers`)
}

// a reader such as head may have seen enough
process.stdout.on('error', (error) => {
  if (errnoName(error) !== 'EPIPE') throw error
})

const zapi = configured(new Command('zapi'))
  .summary('the conversation between bgpd and zebra')
  .description('Looks into the conversation between bgpd and zebra.')
  .addCommand(dumpCommand((given) => sockets(given).relay))
  .addCommand(replay)

const program = withVersion(configured(new Command('macipctl')))
  .addCommand(status)
  .addCommand(bindings)
  .addCommand(explain)
  .addCommand(events)
  .addCommand(clear)
  .addCommand(show)
  .addCommand(check)
  .addCommand(zapi)
  .addCommand(fpm)
  .description('Shows what macipd on this node has learned and announced, and what is wrong.')
  .addHelpText(
    'after',
    `${EXIT_CODES}

Examples:
  macipctl status
  macipctl bindings --state pending
  macipctl explain 10.0.0.1
  macipctl events --follow
  macipctl show remote --vni 100
  macipctl check
  macipctl zapi dump --follow
  macipctl fpm dump --follow
  macipctl zapi replay FILE`,
  )

process.exitCode = await run(program, process.argv)
