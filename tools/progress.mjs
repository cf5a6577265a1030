// Progress of long steps, on standard error: a live line on a terminal, plain lines elsewhere.
import { spawn } from 'node:child_process'

const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'
const terminal = process.stderr.isTTY

/** An error whose message is all a person needs; `exitCode` ends the process. */
export class ReadyError extends Error {
  constructor(message, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Runs `work` as one step called `title`, with elapsed time. */
export async function step(title, work) {
  const started = Date.now()
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`
  const write = (mark, end) => process.stderr.write(`\r\x1b[K${mark} ${title} ${seconds()}${end}`)
  let tick = 0
  const timer = terminal ? setInterval(() => write(SPINNER[tick++ % SPINNER.length], ''), 100) : undefined
  if (!terminal) process.stderr.write(`ready: ${title} ...\n`)
  let done = false
  try {
    const result = await work()
    done = true
    return result
  } finally {
    clearInterval(timer)
    if (terminal) write(done ? '✓' : '✗', '\n')
    else process.stderr.write(`ready: ${title} ${done ? 'done' : 'failed'} after ${seconds()}\n`)
  }
}

/** Runs a command quietly; its output is shown only when it fails. Resolves to standard output. */
export function command(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    const out = []
    const all = []
    child.stdout.on('data', (chunk) => {
      out.push(chunk)
      all.push(chunk)
    })
    child.stderr.on('data', (chunk) => all.push(chunk))
    child.on('error', (error) => reject(new ReadyError(`cannot run ${file}: ${error.message}`)))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString())
      const lines = Buffer.concat(all).toString().trimEnd().split('\n')
      // the reason is at the start with npm and at the end with compilers
      if (lines.length > 60) lines.splice(20, lines.length - 60, '...')
      reject(
        new ReadyError(`${[file, ...args].join(' ')} failed (${signal ?? `exit code ${code}`}):\n${lines.join('\n')}`),
      )
    })
  })
}
