#!/usr/bin/env node
// The command `macipctl`.
import { requireNode } from './node-version.js'

requireNode()
const words = process.argv.slice(2)
if (words.length === 1 && ['-V', '--version'].includes(words[0] ?? '')) {
  // loading all commands would take most of the time
  const { version } = await import('../base/version.js')
  process.stdout.write(`${version}\n`)
  process.exit()
}
const { errnoName } = await import('../base/exit.js')
const { run } = await import('../cli/command.js')
const { createValuesProgram, isForValues } = await import('../cli/completion/values-command.js')
const { processIo } = await import('../cli/io.js')

// a reader such as head may have seen enough
process.stdout.on('error', (error) => {
  if (errnoName(error) !== 'EPIPE') throw error
})

const io = processIo()
// loading all commands would take most of the time that a completion has
const program = isForValues(words) ? createValuesProgram(io) : (await import('../cli/macipctl.js')).createProgram(io)
process.exitCode = await run(program, words, io)
