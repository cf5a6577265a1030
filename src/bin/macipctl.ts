#!/usr/bin/env node
// The command `macipctl`.
import { errnoName } from '../base/exit.js'
import { run } from '../cli/command.js'
import { processIo } from '../cli/io.js'
import { createProgram } from '../cli/macipctl.js'

// a reader such as head may have seen enough
process.stdout.on('error', (error) => {
  if (errnoName(error) !== 'EPIPE') throw error
})

const io = processIo()
process.exitCode = await run(createProgram(io), process.argv.slice(2), io)
