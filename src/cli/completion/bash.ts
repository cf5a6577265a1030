// Completion for bash, which needs nothing but bash itself.
import type { Place, Values } from './model.js'

/** One word for each kind of value, as `__macipd_reply` takes it apart. */
function kindOf(values: Values): string {
  switch (values.kind) {
    case 'none':
    case 'file':
    case 'directory':
      return values.kind
    case 'words':
      return `${values.isList ? 'list' : 'words'}:${values.words.join(',')}`
    case 'live':
      return `live:${values.what}`
    default:
      return values satisfies never
  }
}

const quoted = (words: readonly string[]): string => `'${words.join(' ').replaceAll("'", "'\\''")}'`

function branch({ path, commands, options, arguments: given }: Place): string {
  const takes = options.flatMap(({ flags, values, isVariadic }) =>
    values === undefined ? [] : flags.map((flag) => `${flag}=${isVariadic ? '+' : ''}${kindOf(values)}`),
  )
  return `    '${path}')
      commands=${quoted(commands.map(({ name }) => name))}
      options=${quoted(options.flatMap(({ flags }) => flags))}
      takes=${quoted(takes)}
      arguments=${quoted(given.map(({ values, isVariadic }) => `${isVariadic ? '+' : ''}${kindOf(values)}`))}
      ;;`
}

export const bashScript = (
  places: readonly Place[],
): string => `# Completion of macipd and macipctl for bash. It is made from their commands: changes are lost.

# Sets what may be where \$1, the words of a command, leads to.
__macipd_place() {
  case $1 in
${places.map(branch).join('\n')}
    *) commands='' options='' takes='' arguments='' ;;
  esac
}

# Sets words, of which the last is the one at the cursor: readline takes addresses apart at their colons.
__macipd_words() {
  local rest=\${COMP_LINE:0:COMP_POINT} word
  words=()
  for word in "\${COMP_WORDS[@]:0:COMP_CWORD}"; do
    if [[ \${#words[@]} -eq 0 || $rest == [[:space:]]* ]]; then
      rest=\${rest#"\${rest%%[![:space:]]*}"}
      words+=('')
    fi
    words[\${#words[@]}-1]+=$word
    rest=\${rest#"$word"}
  done
  if [[ $rest == [[:space:]]* ]]; then words+=("\${rest#"\${rest%%[![:space:]]*}"}"); else words[\${#words[@]}-1]+=$rest; fi
}

# Sets kind to what the option \$1 takes; fails for a switch.
__macipd_takes() {
  local each
  kind=''
  for each in $takes; do
    if [[ $each == "$1="* ]]; then kind=\${each#*=}; fi
  done
  [[ -n $kind ]]
}

# Offers the values of the kind \$1 that begin with \$2. What daemons say is quoted: names of ports come from outside.
__macipd_reply() {
  local before='' value
  case $1 in
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
    words:*) mapfile -t COMPREPLY < <(IFS=,; compgen -W "\${1#*:}" -- "$2") ;;
    list:*)
      compopt -o nospace 2>/dev/null
      if [[ $2 == *,* ]]; then before=\${2%,*},; fi
      mapfile -t COMPREPLY < <(IFS=,; compgen -P "$before" -W "\${1#*:}" -- "\${2##*,}")
      ;;
    live:*)
      while IFS= read -r value; do
        COMPREPLY+=("$(printf %q "$value")")
      done < <("$macipctl" completion values "\${1#*:}" "$2" -- "\${words[@]}" 2>/dev/null)
      ;;
  esac
}

_macipd() {
  local words word current path flag='' kind='' position=0 only_arguments='' macipctl=macipctl
  local commands options takes arguments each IFS=$' \t\n'
  __macipd_words
  path=\${words[0]##*/}
  if [[ $path == macipctl ]]; then macipctl=\${words[0]}; fi
  COMPREPLY=()
  __macipd_place "$path"
  current=\${words[-1]}
  for word in "\${words[@]:1:\${#words[@]}-2}"; do
    if [[ -n $flag && ! ( $kind == +* && $word == -* ) ]]; then
      if [[ $kind != +* ]]; then flag=''; fi
      continue
    fi
    flag=''
    if [[ -z $only_arguments && $word == -* ]]; then
      if [[ $word == -- ]]; then only_arguments=1; elif __macipd_takes "$word"; then flag=$word; fi
    elif [[ " $commands " == *" $word "* ]]; then
      path+=" $word"
      __macipd_place "$path"
    else
      position=$((position + 1))
    fi
  done
  if [[ -n $flag && ! ( $kind == +* && $current == -* ) ]]; then
    __macipd_reply "\${kind#+}" "$current"
  elif [[ -z $only_arguments && $current == --*=* ]]; then
    if __macipd_takes "\${current%%=*}"; then __macipd_reply "\${kind#+}" "\${current#*=}"; fi
    current=\${current#*=}
  elif [[ -z $only_arguments && $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ -n $commands ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  else
    for each in $arguments; do
      if [[ $position -eq 0 || $each == +* ]]; then
        __macipd_reply "\${each#+}" "$current"
        break
      fi
      position=$((position - 1))
    done
  fi
  # readline replaces what follows the last colon only
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    each=\${current%"\${current##*:}"}
    COMPREPLY=("\${COMPREPLY[@]#"$each"}")
  fi
}

complete -F _macipd macipd macipctl
`
