// Understands what an FRR daemon prints as JSON.
import * as v from 'valibot'
import { VtyError } from './vty.js'

/** Parses a whole answer. Throws VtyError. */
export function json(text: string, command: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new VtyError(`the answer to "${command}" is not JSON`, { cause: error })
  }
}

/** Checks the shape of an answer, or of a part of it. Throws VtyError. */
export function parse<T extends v.GenericSchema>(schema: T, value: unknown, command: string): v.InferOutput<T> {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const [issue] = result.issues
  throw new VtyError(`"${command}" shows something unknown at ${v.getDotPath(issue) ?? 'its top'}: ${issue.message}`)
}
