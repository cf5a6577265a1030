#!/usr/bin/env node
// The command `macipctl`.
import { errnoName } from '../base/exit.js'
import { run } from '../cli/command.js'
import { program } from '../cli/macipctl.js'

// a reader such as head may have seen enough
process.stdout.on('error', (error) => {
  if (errnoName(error) !== 'EPIPE') throw error
})

process.exitCode = await run(program, process.argv)
