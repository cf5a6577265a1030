// Completion for fish: a line for each command, option and argument, with the place where it may be.
import type { Place, Values } from './model.js'

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** What `complete` is told of the values: whether files are, and what else is. */
function offers(values: Values): string {
  switch (values.kind) {
    case 'none':
      return '-x'
    case 'file':
      return '-r -F'
    case 'directory':
      return `-x -a ${quoted('(__fish_complete_directories)')}`
    case 'words':
      return `-x -a ${quoted(values.isList ? `(__macipd_list ${values.words.join(' ')})` : values.words.join(' '))}`
    case 'live':
      return `-x -a ${quoted(`(__macipd_live ${values.what})`)}`
    default:
      return values satisfies never
  }
}

function linesFor({ path, commands, options, arguments: given }: Place): string[] {
  const [program = ''] = path.split(' ')
  const start = `complete -c ${program} -n ${quoted(`__macipd_at ${path}`)}`
  return [
    ...commands.map(({ name, summary }) => `${start} -f -a ${quoted(name)} -d ${quoted(summary)}`),
    ...options.map(({ flags, values, description }) => {
      const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
      return [start, ...names, ...(values === undefined ? [] : [offers(values)]), `-d ${quoted(description)}`].join(' ')
    }),
    ...given.map(
      ({ values }) => `${start} ${offers(values).replace(/^(-x|-r -F)/, (found) => (found === '-x' ? '-f' : '-F'))}`,
    ),
  ]
}

export const fishScript = (
  places: readonly Place[],
): string => `# Completion of macipd and macipctl for fish. It is made from their commands: changes are lost.

set -g __macipd_commands ${places.map(({ path }) => quoted(path)).join(' ')}

# Whether the words before the cursor lead to just this command.
function __macipd_at
    set -l words (commandline -opc)
    set -l path (string replace -r '.*/' '' -- $words[1])
    for word in $words[2..]
        if contains -- "$path $word" $__macipd_commands
            set path "$path $word"
        end
    end
    test "$path" = "$argv"
end

# Prints what the daemons say.
function __macipd_live
    set -l words (commandline -opc)
    set -l program macipctl
    if test (string replace -r '.*/' '' -- $words[1]) = macipctl
        set program $words[1]
    end
    command -q $program; or return
    set -l prefix (commandline -ct | string replace -r -- '^--[^=]*=' '')
    $program completion values $argv[1] "$prefix" -- $words 2>/dev/null
end

# Prints each word after those that are there already, with commas between.
function __macipd_list
    set -l prefix (commandline -ct | string replace -r -- '^--[^=]*=' '' | string replace -r -- '[^,]*$' '')
    printf '%s\\n' $prefix$argv
end

complete -c macipd -f
complete -c macipctl -f
${places.flatMap(linesFor).join('\n')}
`
