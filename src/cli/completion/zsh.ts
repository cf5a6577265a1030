// Completion for zsh: a function for each command, with its options and arguments as _arguments takes them.
import type { ArgumentPlace, OptionPlace, Place, Values } from './model.js'

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
/** Inside the brackets of an explanation, and in a message, which ends at a colon. */
const explained = (text: string): string => text.replaceAll(/[[\]\\:]/g, '\\$&')
const functionOf = (path: string): string => `_${path.replaceAll(' ', '_')}`

function action(values: Values): string {
  switch (values.kind) {
    case 'none':
      return ' '
    case 'file':
      return '_files'
    case 'directory':
      return '_files -/'
    case 'words':
      return values.isList ? `{__macipd_list ${values.words.join(' ')}}` : `(${values.words.join(' ')})`
    case 'live':
      return `__macipd_live ${values.what}`
    default:
      return values satisfies never
  }
}

function option({ flags, values, isVariadic, description }: OptionPlace): string {
  const others = `(${flags.join(' ')})`
  const text = `[${explained(description)}]`
  const given = values === undefined ? '' : `${isVariadic ? ':*-*' : ''}:value:${action(values)}`
  const forms = flags.map((flag) => `${flag}${values === undefined ? '' : flag.startsWith('--') ? '=' : '+'}`)
  return forms.map((form) => quoted(`${others}${form}${text}${given}`)).join(' ')
}

const argument = ({ name, values, isVariadic }: ArgumentPlace): string =>
  quoted(`${isVariadic ? '*' : ''}:${explained(name)}:${action(values)}`)

function functionFor({ path, commands, options, arguments: given }: Place): string {
  const lines = [...options.map(option), ...given.map(argument)]
  if (commands.length === 0) return body(path, `  _arguments -s -S${lines.map((line) => ` \\\n    ${line}`).join('')}`)
  const names = commands.map(({ name, summary }) => `    ${quoted(`${explained(name)}:${summary}`)}`).join('\n')
  const cases = commands.map(({ name }) => `        ${name}) ${functionOf(`${path} ${name}`)} ;;`).join('\n')
  return body(
    path,
    `  local curcontext=$curcontext state line
  local -a commands=(
${names}
  )
  _arguments -C${lines.map((line) => ` \\\n    ${line}`).join('')} \\
    '1: :->command' '*:: :->below'
  case $state in
    command) _describe -t commands command commands ;;
    below)
      case $line[1] in
${cases}
      esac
      ;;
  esac`,
  )
}

const body = (path: string, text: string): string => `${functionOf(path)}() {\n${text}\n}`

export const zshScript = (places: readonly Place[]): string => `#compdef macipd macipctl
# Completion of macipd and macipctl for zsh. It is made from their commands: changes are lost.

# Offers what the daemons say; before the name of it come options of compadd.
__macipd_live() {
  local program=macipctl
  local -a found
  if [[ \${__macipd_line[1]:t} == macipctl ]]; then program=\${(Q)__macipd_line[1]}; fi
  found=(\${(f)"$($program completion values $argv[-1] "$PREFIX" -- "\${(@Q)__macipd_line}" 2>/dev/null)"})
  compadd "\${(@)argv[1,-2]}" -a found
}

# Offers words, with commas between.
__macipd_list() {
  local -a known=("$@")
  _sequence compadd - -a known
}

${places.map(functionFor).join('\n\n')}

_macip() {
  local -a __macipd_line=("\${words[@]}")
  case $service in
    macipd) _macipd ;;
    macipctl) _macipctl ;;
  esac
}

if [[ $funcstack[1] == _macip ]]; then
  _macip "$@"
else
  compdef _macip macipd macipctl
fi
`
