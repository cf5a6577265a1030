#!/usr/bin/env node
// The command `macipctl`.
import { errnoName } from '../base/exit.js'
import { run } from '../cli/command.js'
import { createValuesProgram, isForValues } from '../cli/completion/values-command.js'
import { processIo } from '../cli/io.js'

// a reader such as head may have seen enough
process.stdout.on('error', (error) => {
  if (errnoName(error) !== 'EPIPE') throw error
})

const io = processIo()
const words = process.argv.slice(2)
// loading all commands would take most of the time that a completion has
const program = isForValues(words) ? createValuesProgram(io) : (await import('../cli/macipctl.js')).createProgram(io)
process.exitCode = await run(program, words, io)
