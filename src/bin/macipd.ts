#!/usr/bin/env node
// The command `macipd`.
import { run } from '../cli/command.js'
import { program } from '../cli/macipd.js'

process.exitCode = await run(program, process.argv)
