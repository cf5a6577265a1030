// `macipctl bindings` lists the MAC-IPs that were learned, and what became of each.
import { Argument, Command, Option } from 'commander'
import { STATES } from '../../bindings/state.js'
import { type Io, print, remark } from '../io.js'
import { addressArgument, type Common, json, ofBoth, sockets, vniOption } from '../options.js'
import { askBindings, askOverlay, nothingAnswers } from '../queries.js'
import { paintFor } from '../text.js'
import { type Filter, renderBindings, select } from './table.js'

export const bindingsCommand = (io: Io): Command =>
  ofBoth(new Command('bindings'), io)
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
    .addOption(vniOption('only this VNI'))
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
      const { relay, snoop } = await sockets(given)
      const { vni, state, port } = given
      const filter = { ...address, ...(vni && { vni }), ...(state && { state }), ...(port && { port }) }
      const snooper = await askBindings(snoop)
      const answer = snooper.running ? snooper : await askOverlay(relay)
      if (!answer.running) throw nothingAnswers(relay, snoop)
      const selected = select(answer.bindings, filter)
      if (given.json) print(io, json({ source: snooper.running ? 'snooper' : 'relay', bindings: selected }))
      else print(io, renderBindings(selected, Date.now(), paintFor(io)))
      if (!snooper.running) {
        remark(io, `no snooper at ${snoop}: ${snooper.error}; these are the relay's entries`)
      }
    })
