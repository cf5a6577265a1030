/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Shared by vxlan.bpf.c and user space, in addition to snoop.h: which packets are wanted, and what became of others.
 * src/snoop/bpf/vxlan-layout.ts holds the same tables for TypeScript; its test compares the two.
 */
#ifndef MACIPD_VXLAN_H
#define MACIPD_VXLAN_H

#include "snoop.h"

#define VXLAN_UDP_PORTS 8

/* How many entries the filters have at most. */
#define VXLAN_VNIS_MAX 16384
#define VXLAN_DESTINATIONS_MAX 16384
#define VXLAN_SOURCES_MAX 4096

/* The variable (map `.data.vxlan`) that user space sets in addition to struct snoop_config. */
struct vxlan_config {
	__u64 total_rate_interval;		/* ns that each record costs all VTEPs together; 0: no limit */
	__u64 total_rate_burst;			/* ns that they may be in debt: burst * total_rate_interval */
	__be16 udp_ports[VXLAN_UDP_PORTS];	/* if they are fewer, the last ones repeat the first */
	__u8 asker[6];				/* MAC whose questions are answered: answers to it always pass */
	__u8 has_asker;				/* 0: there is none */
	__u8 pad;
};

/*
 * Key of the map `sources`, a trie: an outer source that may be learned from. The family comes first, so that a prefix
 * of IPv6 never covers IPv4. The values of the maps `vnis` (key: the VNI in network byte order), `destinations` (key:
 * 16 bytes, IPv4 mapped to IPv6) and `sources` are the time (ns, CLOCK_MONOTONIC) since when the entry has been there.
 */
struct vxlan_source {
	__u32 prefix_length;			/* 32 bits of the family, and those of the address */
	__be32 family;				/* enum snoop_family */
	__u8 ip[16];				/* IPv4 in the first 4 bytes */
};

/*
 * What became of a packet, in addition to enum snoop_outcome, whose outcomes are those of the frame in the tunnel.
 * Packets that cannot be VXLAN, and those whose frame is neither ARP nor IPv6, are left as fast as possible and are not
 * counted. "Other" is what nobody wants.
 */
enum vxlan_outcome {
	VXLAN_OUTCOME_OUTER_MALFORMED = SNOOP_OUTCOME_COUNT, /* lengths of IP and UDP that contradict each other */
	VXLAN_OUTCOME_HEADER_OTHER,		/* without the I flag, or with bits that Linux does not accept either */
	VXLAN_OUTCOME_VNI_OTHER,
	VXLAN_OUTCOME_DESTINATION_OTHER,
	VXLAN_OUTCOME_SOURCE_OTHER,		/* not allowed, or an address that no VTEP has */
	VXLAN_OUTCOME_INNER_TRUNCATED,		/* no room for an Ethernet header */
	VXLAN_OUTCOME_INNER_TAGGED,		/* refused by RFC 7348, 6.1 */
	VXLAN_OUTCOME_TOTAL_RATE_LIMITED,	/* news, but over the limit of all VTEPs together */
	VXLAN_OUTCOME_COUNT
};

#endif
