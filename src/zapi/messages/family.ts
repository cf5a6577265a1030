// How families of messages are listed for those that do not know which message they will see.
import { type Field, type Json, enumeration, u16, u32, u8 } from '../fields.js'
import type { CommandName } from '../commands.js'
import type { Layout } from '../message.js'
import { AFIS, SAFIS } from '../enums.js'

type Layouts = Partial<Record<CommandName, Layout<unknown>>>

/** Messages that belong together. One command may have a layout in each direction: a request and its answer. */
export type Family = {
  readonly name: string
  readonly toZebra: Layouts
  readonly toBgpd: Layouts
  /** Commands of the family that are known by name only. */
  readonly nameOnly?: readonly CommandName[]
}

/** ZEBRA_ROUTE_*: a route type, or the protocol that a client speaks. */
export const routeType = (base: Field<number>): Field<number> => ({
  ...base,
  json: (value, features): Json => features.routeTypes[value] ?? value,
})

/** Who is meant among zebra's clients. */
export const clientFields = { proto: routeType(u8), instance: u16, sessionId: u32 }

export const afi = (base: Field<number>): Field<number> => enumeration(base, AFIS)
export const safi = (base: Field<number>): Field<number> => enumeration(base, SAFIS)
