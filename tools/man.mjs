// Writes the manual pages and the completion scripts below dist/packaging, from the compiled programs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const compiled = (name) => import(join(root, 'dist/src', name))

const { processIo } = await compiled('cli/io.js')
const { createMacipd } = await compiled('cli/macipd.js')
const { createProgram } = await compiled('cli/macipctl.js')
const { describe } = await compiled('cli/tree.js')
const { pages } = await compiled('cli/manual/pages.js')
const { completionScript } = await compiled('cli/completion/scripts.js')

function write(directory, files) {
  const path = join(root, 'dist/packaging', directory)
  mkdirSync(path, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
}

/** Packages that are built twice are the same: the date is given from outside, or there is none. */
function date() {
  const seconds = Number(process.env.SOURCE_DATE_EPOCH)
  return seconds > 0 ? new Date(seconds * 1000).toISOString().slice(0, 10) : ''
}

const io = processIo()
const [macipd, macipctl] = [describe(createMacipd(io)), describe(createProgram(io))]
const configuration = readFileSync(join(root, 'docs/configuration.md'), 'utf8')
write('man', pages({ macipd, macipctl, configuration, date: date() }))

// bash and fish look for a file by the name of the command, zsh for one that names the commands
const [bash, zsh, fish] = ['bash', 'zsh', 'fish'].map((shell) => completionScript(shell, [macipd, macipctl]))
write('completion/bash', { macipd: bash, macipctl: bash })
write('completion/zsh', { _macip: zsh })
write('completion/fish', { 'macipd.fish': fish, 'macipctl.fish': fish })
