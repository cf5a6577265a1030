// AS numbers of two and of four octets (RFC 6793).

/** Stands in fields of two octets for a number that needs four (RFC 6793 9). */
export const AS_TRANS = 23456
const MAX_TWO_OCTETS = 0xffff

export const needsFourOctets = (as: number): boolean => as > MAX_TWO_OCTETS

/** What a field of two octets says of an AS. */
export const inTwoOctets = (as: number): number => (needsFourOctets(as) ? AS_TRANS : as)
