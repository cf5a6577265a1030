// Takes a large JSON text apart while it arrives: FRR prints whole tables as one object, and nothing else may wait while
// one of them is parsed.

/** Characters of a key or value. None of interest is nearly as long: a host has some hundred, and some for each neighbour. */
const MAX_MEMBER = 1 << 20

/** A member of an object: the keys that lead to it, the last one its own, and its value as JSON.parse gives it. */
export type JsonMember = { path: readonly string[]; value: unknown }

export class JsonMembers {
  private level = 0
  /** The brackets that are open, up to the wanted depth; what is deeper is JSON.parse's. */
  private readonly open: string[] = []
  /** The key that was read last, by the level of its object. */
  private readonly keys: string[] = []
  private inString = false
  private escaped = false
  private started = false
  /** Text of the string that is being read, or was read last. */
  private string = ''
  /** Text of the member's value so far; undefined outside of one. */
  private value: string | undefined

  /** @param depth of the objects whose members are wanted; 1 is the whole text's object */
  constructor(private readonly depth: number) {}

  /**
   * The members that end in the next part of the text. Throws SyntaxError if one of them, or the brackets around them, are
   * not JSON; what else stands between them is passed over.
   */
  push(text: string): JsonMember[] {
    const members: JsonMember[] = []
    let from = 0
    for (let at = 0; at < text.length; at++) {
      if (this.inString) {
        at = this.inside(text, at)
        continue
      }
      const char = text[at]
      if (char === '"') {
        this.inString = true
        this.string = ''
      } else if (char === ':' && this.level <= this.depth) {
        this.keys[this.level - 1] = keyOf(this.string)
        if (this.level === this.depth && !this.open.includes('[')) {
          this.value = ''
          from = at + 1
        }
      } else if (char === '{' || char === '[') {
        if (this.level < this.depth) this.open.push(char)
        this.level++
        this.started = true
      } else if (char === ',' || char === '}' || char === ']') {
        if (this.level === this.depth && this.value !== undefined) {
          members.push(this.member(this.value + text.slice(from, at)))
          this.value = undefined
        }
        if (char !== ',') this.close(char)
      }
    }
    if (this.value !== undefined) {
      this.value += text.slice(from)
      checkLength(this.value)
    }
    return members
  }

  /** Throws SyntaxError if the text has ended too early. */
  end(): void {
    if (this.level !== 0 || !this.started || this.inString) throw new SyntaxError('the text ends inside an object')
  }

  /** Goes on in a string, to its end or to that of the text. */
  private inside(text: string, at: number): number {
    const start = at
    for (; at < text.length; at++) {
      const char = text[at]
      if (this.escaped) this.escaped = false
      else if (char === '\\') this.escaped = true
      else if (char === '"') {
        this.inString = false
        break
      }
    }
    // the strings of a value are not keys
    if (this.level <= this.depth) {
      this.string += text.slice(start, at)
      checkLength(this.string)
    }
    return at
  }

  private close(bracket: string): void {
    this.level--
    const opened = this.level < this.depth ? this.open.pop() : undefined
    const isOther = opened !== undefined && (opened === '{') !== (bracket === '}')
    if (this.level < 0 || isOther) throw new SyntaxError('a bracket is closed that was not opened')
  }

  private member(value: string): JsonMember {
    return { path: this.keys.slice(0, this.depth), value: JSON.parse(value) as unknown }
  }
}

/** FRR's keys have no escapes. */
const keyOf = (string: string): string => (string.includes('\\') ? String(JSON.parse(`"${string}"`)) : string)

function checkLength(text: string): void {
  if (text.length > MAX_MEMBER) throw new SyntaxError(`a member of more than ${MAX_MEMBER} characters`)
}
