// Which frames the eBPF program refuses before they become evidence, as far as people are told of single ones. Each name is
// also that of its counter (enum snoop_outcome of bpf/snoop.h).

/** Maps each reason to its meaning. */
export const FRAME_REFUSALS = {
  'rate-limited':
    'the port said new addresses faster than it may; the same frame is looked at again when it comes again',
  'ether-source-invalid': "the frame's source is zero or a multicast MAC address",
  'mac-zero': 'the MAC address is zero',
  'mac-multicast': 'the MAC address is a multicast address, which no route can announce (RFC 7432 9.2.1)',
  'ip-unspecified': 'the IP address is 0.0.0.0 or ::',
  'ip-loopback': 'the IP address is a loopback address',
  'ip-multicast': 'the IP address is a multicast address',
  'ip-broadcast': 'the IP address is the broadcast address',
  'ip-reserved': 'the IPv6 address is in ::/32, where no host has one (RFC 4291 2.5.5)',
  'arp-truncated': 'the ARP frame is shorter than ARP',
  'arp-not-ethernet-ipv4': 'ARP of another hardware or protocol than Ethernet and IPv4',
  'arp-other-operation': 'ARP that is neither request nor reply, such as RARP',
  'nd-truncated': 'the neighbour discovery message is shorter than it should be',
  'nd-hop-limit': 'the hop limit is not 255, so the message may have passed a router (RFC 4861 7.1)',
  'nd-code': 'the ICMPv6 code is not 0 (RFC 4861 7.1)',
  'nd-options': 'the options are malformed or too many',
  'nd-checksum': 'the checksum is wrong',
  'nd-macs-differ': 'two options of the message name different MAC addresses',
  'na-source': 'a neighbour advertisement whose own source is an address that no host has',
  'na-solicited-multicast':
    'a neighbour advertisement to a multicast address that says it was solicited (RFC 4861 7.1.2)',
  'na-no-mac': 'a neighbour advertisement without link-layer address that does not answer a unicast solicitation',
  'dad-ns-destination': "duplicate address detection that is not sent to its target's solicited-node address",
  'dad-ns-with-mac': 'duplicate address detection that names a MAC address (RFC 4861 7.1.1)',
  'ra-not-link-local': 'a router advertisement from an address that is not link-local (RFC 4861 6.1.2)',
  filtered: 'a filter dropped the frame before the bridge sent it on: nftables, ebtables, tc or another eBPF program',
} as const
export type FrameRefusal = keyof typeof FRAME_REFUSALS
