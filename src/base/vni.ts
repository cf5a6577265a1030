// VXLAN network identifiers (RFC 7348 5): 24 bits. 0 never names an EVPN instance here.

export const MAX_VNI = 0xffffff

/** Whether a host or an EVPN instance can be in it: a whole number from 1 to MAX_VNI. */
export const isVni = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= MAX_VNI
