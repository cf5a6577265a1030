// Why a frame from a VTEP teaches nothing.

/** Maps each reason to its meaning. */
export const REFUSALS = {
  'no-session': 'no other speaker has said yet which VTEPs speak EVPN themselves',
  'mac-differs': 'the frame did not come from the MAC that it speaks for',
  'vni-unknown': 'the VNI is not configured',
  'vtep-native': 'the VTEP speaks EVPN itself',
  'vtep-not-allowed': 'the VTEP is not configured, and not among those that may be found',
  'vtep-limit': 'so many VTEPs of the VNI were found as may be',
  static: 'the configuration says that the host is behind another VTEP',
  sticky: 'another speaker announces the MAC as one that never moves',
  gateway: 'another speaker announces the MAC as that of a gateway',
  duplicate: 'the MAC or the IP moved too often, and is frozen',
  'mac-limit': 'so many hosts behind the VTEP are known as may be',
  'vni-limit': 'so many hosts of the VNI are known as may be',
  'ip-limit': 'so many IPs of the MAC are known as may be',
  contested: 'the owner of the IP is being asked for another host that claims it',
  defended: 'the owner of the IP answered',
  deaf: 'frames are heard no more: the owner of the IP could not object',
} as const
export type Refusal = keyof typeof REFUSALS
