#!/usr/bin/env node
// The command `macipd`.
import { run } from '../cli/command.js'
import { processIo } from '../cli/io.js'
import { createMacipd } from '../cli/macipd.js'

const io = processIo()
process.exitCode = await run(createMacipd(io), process.argv.slice(2), io)
