// Against the real kernel, in a network namespace of its own.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync } from 'node:fs'
import { test } from 'node:test'
import koffi from 'koffi'
import { ExitCode } from '../../src/daemon/exit.js'
import * as libc from '../../src/netlink/libc.js'
import { decodeRouteMessage, GET_LINKS, type RouteMessage, RTNLGRP_LINK } from '../../src/netlink/route.js'
import { RouteSocket, type RouteSocketHandler } from '../../src/netlink/socket.js'
import { enterNewNetworkNamespace, ip } from './namespace.js'
import * as write from './writer.js'

enterNewNetworkNamespace()

type Options = Partial<RouteSocketHandler> & { receiveBuffer?: number }

function open({ receiveBuffer, ...handler }: Options = {}): RouteSocket {
  const nothing = (): void => undefined
  const malformed = (error: Error): never => {
    throw error
  }
  const whole = { event: nothing, settled: nothing, lost: nothing, malformed, ...handler }
  return RouteSocket.open([RTNLGRP_LINK], whole, receiveBuffer)
}

function name(message: RouteMessage | undefined): string | undefined {
  return message?.kind === 'link' ? message.link.name : undefined
}

async function linkNames(socket: RouteSocket): Promise<string[]> {
  return (await socket.dump(GET_LINKS, (message) => name(decodeRouteMessage(message)))).sort()
}

/** Resolves with the messages up to the first about the link `last`. */
function eventsUntil(last: string, options: Options = {}): { socket: RouteSocket; events: Promise<string[]> } {
  const events = Promise.withResolvers?.<string[]>()
  void events
  throw new Error(`${last} ${String(options)}`)
}

void [execFileSync, closeSync, koffi, ExitCode, libc, write, eventsUntil, linkNames, ip, test, assert]
