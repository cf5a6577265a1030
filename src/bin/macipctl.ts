#!/usr/bin/env node
// The command `macipctl`.
import { requireNode } from './node-version.js'

requireNode()
const { errnoName } = await import('../base/exit.js')
const { run } = await import('../cli/command.js')
const { processIo } = await import('../cli/io.js')
const { createProgram } = await import('../cli/macipctl.js')

// a reader such as head may have seen enough
process.stdout.on('error', (error) => {
  if (errnoName(error) !== 'EPIPE') throw error
})

const io = processIo()
process.exitCode = await run(createProgram(io), process.argv.slice(2), io)
