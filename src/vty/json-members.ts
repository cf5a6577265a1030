// Takes a large JSON text apart while it arrives: FRR prints whole tables as one object, and nothing else may wait while
// one of them is parsed.

/** No member of interest is nearly as long: a host has some hundred bytes, and some more for each neighbour. */
const MAX_MEMBER = 1 << 20

/** A member of an object: the keys that lead to it, the last one its own, and its value as JSON.parse gives it. */
export type JsonMember = { path: readonly string[]; value: unknown }

export class JsonMembers {
  private level = 0
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

  /** The members that end in the next part of the text. Throws SyntaxError if it is not JSON. */
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
        this.keys[this.level - 1] = this.string
        if (this.level === this.depth) {
          this.value = ''
          from = at + 1
        }
      } else if (char === '{' || char === '[') {
        this.level++
        this.started = true
      } else if (char === ',' || char === '}' || char === ']') {
        if (this.level === this.depth && this.value !== undefined) {
          members.push(this.member(this.value + text.slice(from, at)))
          this.value = undefined
        }
        if (char !== ',') this.close()
      }
    }
    if (this.value !== undefined) {
      this.value += text.slice(from)
      if (this.value.length > MAX_MEMBER) throw new SyntaxError(`a member of more than ${MAX_MEMBER} characters`)
    }
    return members
  }

  /** Throws SyntaxError if the text has ended too early. */
  end(): void {
    if (this.level !== 0 || !this.started || this.inString) throw new SyntaxError('the text ends inside an object')
  }

  /** Goes on in a string, to its end or to that of the text. Keys have no escapes in what FRR prints. */
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
    if (this.level <= this.depth) this.string += text.slice(start, at)
    return at
  }

  private close(): void {
    this.level--
    if (this.level < 0) throw new SyntaxError('more brackets are closed than opened')
  }

  private member(value: string): JsonMember {
    return { path: this.keys.slice(0, this.depth), value: JSON.parse(value) as unknown }
  }
}
