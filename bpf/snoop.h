/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Shared by the eBPF programs and user space: the settings, the record of a frame and the outcomes.
 * src/snoop/bpf/layout.ts holds the same tables for TypeScript; its test compares the two.
 */
#ifndef MACIPD_SNOOP_H
#define MACIPD_SNOOP_H

#include <linux/types.h>

enum snoop_kind {
	SNOOP_KIND_ARP_REQUEST = 1,	/* ARP announcements are requests (RFC 5227, 3) */
	SNOOP_KIND_ARP_REPLY = 2,
	SNOOP_KIND_NA = 3,
	SNOOP_KIND_NS = 4,		/* only with learn_ns: it does not say whether the host is a router */
	SNOOP_KIND_RA = 5,
	/* These two are no claims: the host asks whether the address is free. */
	SNOOP_KIND_ARP_PROBE = 6,	/* request with sender 0.0.0.0 (RFC 5227, 2.1.1) */
	SNOOP_KIND_DAD_NS = 7,		/* NS from :: (RFC 4862, 5.4.2) */
};

/* The flags of a neighbour advertisement, at their position in the byte after the checksum (RFC 4861, 4.4). */
enum snoop_na_flag {
	SNOOP_NA_ROUTER = 0x80,
	SNOOP_NA_SOLICITED = 0x40,
	SNOOP_NA_OVERRIDE = 0x20,
};

enum snoop_family {
	SNOOP_FAMILY_IPV4 = 4,
	SNOOP_FAMILY_IPV6 = 6,
};

/* Where snoop.bpf.c sees a host. Numbers are in network byte order. */
struct snoop_port_place {
	__be32 ifindex;
	__be16 vlan;		/* VLAN identifier; 0 without a tag, or with one that only carries a priority */
	__be16 vlan_proto;	/* ETH_P_8021Q or ETH_P_8021AD; 0 if vlan is 0 */
};

/* Where vxlan.bpf.c sees a host. */
struct snoop_tunnel_place {
	__be32 vni;
	__u8 vtep[16];		/* source of the outer packet; IPv4 is mapped to IPv6 (RFC 4291, 2.5.5.2) */
};

/* The one difference between the keys and records of the two programs; vxlan.bpf.c defines SNOOP_VXLAN. */
#ifdef SNOOP_VXLAN
#define SNOOP_PLACE struct snoop_tunnel_place
#else
#define SNOOP_PLACE struct snoop_port_place
#endif

/*
 * One frame in which a host claims an address or asks whether it is free, or one of those that were refused. Numbers
 * are in network byte order.
 */
struct snoop_record {
	__be64 at;		/* ns, CLOCK_MONOTONIC */
	SNOOP_PLACE place;
	__u8 mac[6];		/* ARP sender, or link-layer address option of NA, NS, RA, or the frame's source */
	__u8 ether_source[6];
	__u8 ip[16];		/* ARP sender (first 4 bytes), target of an NA, source of NS and RA; target of a probe */
	__u8 kind;		/* enum snoop_kind; 0, with zero MAC and IP, if it was refused before they were read */
	__u8 na_flags;		/* enum snoop_na_flag of an NA; the router flag for an RA; otherwise 0 */
	__u8 outcome;		/* enum snoop_outcome: why it was refused; SNOOP_OUTCOME_PASSED (0) if it was not */
	__u8 pad;
};

/* Key of the map `seen`. Numbers are in network byte order; unused bytes are 0. */
struct snoop_key {
	SNOOP_PLACE place;
	__u8 mac[6];
	__u8 family;		/* enum snoop_family */
	__u8 pad;
	__u8 ip[16];
};

/* The variable of each program (map `.bss`) that user space sets. Numbers are in the byte order of the machine. */
struct snoop_config {
	__u64 repeat_interval;	/* ns after which the same claim at the same place is passed again */
	__u64 rate_interval;	/* ns that each record costs its port or VTEP; 0: no limit */
	__u64 rate_burst;	/* ns that these may be in debt: burst * rate_interval */
	__u64 learn_ns;		/* 1: pass neighbour solicitations */
	__u64 forget_before;	/* ns, CLOCK_MONOTONIC: what was passed until then counts as never passed */
	__u64 heed_filters;	/* 1: pass a claim only if the bridge's filters let its frame through (bridge.h) */
};

/* Value of the map `ports`; the key is the ifindex in network byte order. A port that is missing has no limit. */
struct snoop_port {
	__u64 tat;		/* ns, CLOCK_MONOTONIC: theoretical arrival time, at which the port's debt is paid */
	__u64 limited;		/* frames that were not passed because of the limit */
	__u64 refused_tat;	/* the same as tat, for the records of refused frames */
};

/* Of the refused frames of a port, user space gets so many at once, and one for each interval (ns) on average. */
#define SNOOP_REFUSED_BURST 32
#define SNOOP_REFUSED_INTERVAL 500000000ULL

/* A probe or DAD is passed again after this time, ns, because user space must know how long ago the last one was. */
#define SNOOP_PROBE_REPEAT_INTERVAL 1000000000ULL

/*
 * What became of a frame. The value of the map `percpu_scratch` begins with a counter (__u64) for each outcome.
 * Frames other than ARP and IPv6, and IPv6 other than ICMPv6, are left as fast as possible and are not counted.
 */
enum snoop_outcome {
	SNOOP_OUTCOME_PASSED,			/* user space got a record */
	SNOOP_OUTCOME_REPEATED,			/* the same was passed less than the repeat interval ago */
	SNOOP_OUTCOME_RATE_LIMITED,		/* news, but over the limit of its place; its repetition will be news, too */
	SNOOP_OUTCOME_RING_FULL,		/* no room in the ring buffer; its repetition will be passed */
	SNOOP_OUTCOME_DOUBLE_TAGGED,		/* two VLAN tags: ignored, the inner network is not this bridge's */
	SNOOP_OUTCOME_VLAN_TRUNCATED,		/* the frame ends within the tag */
	SNOOP_OUTCOME_ETHER_SOURCE_INVALID,	/* all zero or multicast: a bridge drops such a frame */
	SNOOP_OUTCOME_MAC_ZERO,
	SNOOP_OUTCOME_MAC_MULTICAST,
	SNOOP_OUTCOME_IP_UNSPECIFIED,
	SNOOP_OUTCOME_IP_LOOPBACK,
	SNOOP_OUTCOME_IP_MULTICAST,
	SNOOP_OUTCOME_IP_BROADCAST,
	SNOOP_OUTCOME_IP_RESERVED,		/* IPv6 in ::/32, as if it embedded an IPv4 address (RFC 4291, 2.5.5) */
	SNOOP_OUTCOME_ARP_TRUNCATED,
	SNOOP_OUTCOME_ARP_NOT_ETHERNET_IPV4,	/* not hardware type 1, protocol 0x0800, lengths 6 and 4 */
	SNOOP_OUTCOME_ARP_OTHER_OPERATION,
	SNOOP_OUTCOME_IPV6_MALFORMED,		/* truncated, or of another version */
	SNOOP_OUTCOME_IPV6_EXTENSION,		/* extension headers are not followed (RFC 6980, 5 forbids fragments in ND) */
	SNOOP_OUTCOME_ICMPV6_OTHER,		/* neither NA, NS nor RA */
	SNOOP_OUTCOME_ND_TRUNCATED,		/* shorter than its kind or its own length field requires */
	SNOOP_OUTCOME_ND_HOP_LIMIT,		/* not 255: may have passed a router (RFC 4861, 6.1.2, 7.1.1, 7.1.2) */
	SNOOP_OUTCOME_ND_CODE,
	SNOOP_OUTCOME_ND_OPTIONS,		/* malformed options, or more than SNOOP_ND_OPTIONS_MAX bytes of them */
	SNOOP_OUTCOME_ND_CHECKSUM,
	SNOOP_OUTCOME_ND_MACS_DIFFER,		/* two options that name different MACs */
	SNOOP_OUTCOME_NA_SOURCE,		/* source address that no host has */
	SNOOP_OUTCOME_NA_SOLICITED_MULTICAST,	/* solicited, yet sent to a multicast address (RFC 4861, 7.1.2) */
	SNOOP_OUTCOME_NA_NO_MAC,		/* only the answer to a unicast solicitation may omit the option */
	SNOOP_OUTCOME_NS_NOT_LEARNED,		/* ignored, because snoop_config.learn_ns is off */
	SNOOP_OUTCOME_NS_NO_MAC,		/* without the option: the asked host knows the MAC (RFC 4861, 4.3) */
	SNOOP_OUTCOME_DAD_NS_DESTINATION,	/* not to its target's solicited-node address (RFC 4861, 7.1.1) */
	SNOOP_OUTCOME_DAD_NS_WITH_MAC,		/* source link-layer address of :: (RFC 4861, 7.1.1) */
	SNOOP_OUTCOME_RA_NOT_LINK_LOCAL,	/* source address of another scope (RFC 4861, 6.1.2) */
	SNOOP_OUTCOME_FILTERED,			/* a filter dropped it before the bridge sent it on */
	SNOOP_OUTCOME_COUNT
};

/*
 * An NA or NS carries one option of 8 bytes; an RA also has MTU, prefixes and DNS; the CGA and signature of SEND
 * (RFC 3971) take a few hundred bytes more.
 */
#define SNOOP_ND_OPTIONS_MAX 512

#endif
