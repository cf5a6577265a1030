// The scripts that make shells complete the commands of both programs.
import type { CommandNode } from '../tree.js'
import { bashScript } from './bash.js'
import { fishScript } from './fish.js'
import { placesOf } from './model.js'
import type { Shell } from './shell.js'
import { zshScript } from './zsh.js'

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const

export const completionScript = (shell: Shell, programs: readonly CommandNode[]): string =>
  SCRIPTS[shell](programs.flatMap(placesOf))
