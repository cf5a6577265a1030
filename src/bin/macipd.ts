#!/usr/bin/env node
// The command `macipd`.
import { requireNode } from './node-version.js'

requireNode()
const { run } = await import('../cli/command.js')
const { processIo } = await import('../cli/io.js')
const { createMacipd } = await import('../cli/macipd.js')

const io = processIo()
process.exitCode = await run(createMacipd(io), process.argv.slice(2), io)
