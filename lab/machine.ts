// A virtual machine with one of Debian's kernels and the root file system of this one, for what this kernel lacks or does
// differently. What is written there is gone afterwards. It has no network, and is emulated: several times slower.
// `node dist/lab/machine.js COMMAND…`, as root, runs a command on Linux 6.1.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ExitCode, FatalError } from '../src/base/exit.js'
import { labCache } from './frr.js'
import { PATIENCE } from './wait.js'

/** Debian 12's. */
export const KERNEL = '6.1'

const MEMORY_MB = 6144
/** How many times slower than this machine it is, at the most. */
const EMULATION = 6
const PROGRESS_MS = 500
/** Timers of Node go no further. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1
const TAIL_BYTES = 4000

export type Run = {
  /** undefined if it was not over in time, or the machine ended before */
  exitCode: number | undefined
  /** of the command, both streams */
  output: string
  /** the last that the kernel said */
  console: string
}

export type RunOptions = {
  /** Milliseconds, times PATIENCE; default 900,000. */
  timeoutMs?: number
  /** Gets the output as it comes. */
  progress?: (text: string) => void
}

/** Runs a command as root. Its working directory is this process's; of the environment it has PATH and MACIPD_*. */
export async function runInMachine(
  argv: readonly string[],
  { timeoutMs = 900_000, progress }: RunOptions = {},
): Promise<Run> {
  const kernel = join(labCache(), `linux-${KERNEL}`)
  if (!existsSync(kernel))
    throw new FatalError(ExitCode.internal, `Linux ${KERNEL} is not in ${kernel}: run node tools/ready.mjs test:kernel`)
  const share = mkdtempSync(join(tmpdir(), 'macipd-machine-'))
  const at = (name: string): string => join(share, name)
  const read = (name: string): string => (existsSync(at(name)) ? readFileSync(at(name), 'utf8') : '')
  try {
    writeFileSync(at('init'), initOf(argv))
    writeFileSync(at('output'), '')
    // what else is tested meanwhile has less patience
    const wrapped = ['--pdeathsig', 'KILL', 'nice', 'qemu-system-x86_64', ...machineOptions(kernel, share)]
    const machine = spawn('setpriv', wrapped, {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: Math.min(timeoutMs * PATIENCE, LONGEST_TIMEOUT_MS),
      killSignal: 'SIGKILL',
    })
    const complaints: string[] = []
    machine.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text))
    let shown = 0
    const show = (): void => {
      const text = read('output').slice(shown)
      shown += text.length
      if (text !== '') progress?.(text)
    }
    const timer = progress && setInterval(show, PROGRESS_MS)
    await once(machine, 'close')
    clearInterval(timer)
    show()
    const exitCode = read('exit-code')
    return {
      exitCode: exitCode === '' ? undefined : Number(exitCode),
      output: read('output'),
      console: complaints.join('') + read('console').slice(-TAIL_BYTES),
    }
  } finally {
    rmSync(share, { recursive: true, force: true })
  }
}

/** Under load an emulated timer may be so late that the kernel takes it for broken, which is a panic: it must not check. */
const KERNEL_ARGUMENTS = 'console=ttyS0 quiet panic=-1 no_timer_check'

function machineOptions(kernel: string, share: string): string[] {
  const shared = (tag: string, path: string, ...more: string[]): string[] => [
    '-virtfs',
    ['local', `path=${path}`, `mount_tag=${tag}`, 'security_model=none', 'multidevs=remap', ...more].join(','),
  ]
  return [
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', `${MEMORY_MB}`],
    ...['-kernel', join(kernel, 'vmlinuz'), '-initrd', join(kernel, 'initrd')],
    ...['-append', KERNEL_ARGUMENTS, '-no-reboot', '-nic', 'none', '-display', 'none'],
    ...['-serial', `file:${join(share, 'console')}`],
    ...shared('root', '/', 'readonly=on'),
    ...shared('share', share),
  ]
}

/** PID 1, once the root file system is there. */
function initOf(argv: readonly string[]): string {
  const environment = Object.entries(process.env).filter(([name]) => name === 'PATH' || name.startsWith('MACIPD_'))
  const variables = {
    ...Object.fromEntries(environment),
    HOME: '/root',
    MACIPD_LAB_PATIENCE: `${EMULATION * PATIENCE}`,
  }
  return [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
    'ip link set lo up',
    `cd ${quoted(process.cwd())}`,
    // not a terminal, and no input
    `${argv.map(quoted).join(' ')} < /dev/null > /run/share/output 2>&1`,
    'echo $? > /run/share/exit-code',
    'sync',
    'echo o > /proc/sysrq-trigger',
    'sleep 60',
    '',
  ].join('\n')
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

async function main(argv: readonly string[]): Promise<void> {
  const { exitCode, console: kernel } = await runInMachine(argv, {
    timeoutMs: LONGEST_TIMEOUT_MS,
    progress: (text) => process.stdout.write(text),
  })
  if (exitCode === undefined) process.stderr.write(`the machine ended: ${kernel}\n`)
  process.exitCode = exitCode ?? ExitCode.internal
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const argv = process.argv.slice(2)
  if (argv.length > 0 && process.getuid?.() === 0) await main(argv)
  else {
    process.stderr.write('usage, as root: node dist/lab/machine.js COMMAND [ARGUMENT…]\n')
    process.exitCode = ExitCode.usage
  }
}
