/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * What snoop.bpf.c and user space share: settings, the record of one frame and the outcome of every frame.
 * src/snoop/bpf/layout.ts holds the same tables for TypeScript; its test compares the two.
 */
#ifndef MACIPD_SNOOP_H
#define MACIPD_SNOOP_H

#include <linux/types.h>

enum snoop_kind {
	SNOOP_KIND_ARP_REQUEST = 1,	/* ARP announcements are requests (RFC 5227, 3) */
	SNOOP_KIND_ARP_REPLY = 2,
	SNOOP_KIND_NA = 3,
	SNOOP_KIND_NS = 4,		/* only if snoop_config.learn_ns: it does not tell whether the host is a router */
	SNOOP_KIND_RA = 5,
	/* These two teach nothing: a host asks whether the address is free. */
	SNOOP_KIND_ARP_PROBE = 6,	/* request with sender 0.0.0.0 (RFC 5227, 2.1.1) */
	SNOOP_KIND_DAD_NS = 7,		/* NS from :: (RFC 4862, 5.4.2) */
};

/* The flags of a neighbour advertisement, where RFC 4861, 4.4 puts them in the byte after the checksum. */
enum snoop_na_flag {
	SNOOP_NA_ROUTER = 0x80,
	SNOOP_NA_SOLICITED = 0x40,
	SNOOP_NA_OVERRIDE = 0x20,
};

enum snoop_family {
	SNOOP_FAMILY_IPV4 = 4,
	SNOOP_FAMILY_IPV6 = 6,
};

/* One frame that says which MAC has an address, or would like to. Every number is in network byte order. */
struct snoop_record {
	__be64 at;		/* ns, CLOCK_MONOTONIC */
	__be32 ifindex;
	__be16 vlan;		/* VLAN identifier, 0: no tag, or one that only carries a priority */
	__be16 vlan_proto;	/* ETH_P_8021Q or ETH_P_8021AD; 0 if vlan is 0 */
	__u8 mac[6];		/* ARP sender, or link-layer address option of NA, NS, RA; without: source of the frame */
	__u8 ether_source[6];
	__u8 ip[16];		/* ARP sender (first 4 bytes), target of an NA, source of NS and RA; target of a probe */
	__u8 kind;		/* enum snoop_kind */
	__u8 na_flags;		/* enum snoop_na_flag of an NA; of an RA that it is a router's; else 0 */
	__u8 pad[2];
};

/* Key of the map `seen`. Numbers in network byte order; unused bytes are 0. */
struct snoop_key {
	__be32 ifindex;
	__be16 vlan;
	__be16 vlan_proto;
	__u8 mac[6];
	__u8 family;		/* enum snoop_family */
	__u8 pad;
	__u8 ip[16];
};

/* The program's one variable (map `.bss`), which user space sets. Numbers in the byte order of the machine. */
struct snoop_config {
	__u64 repeat_interval;	/* ns until the same claim on the same port is passed again */
	__u64 rate_interval;	/* ns each record costs its port, 0: no limit */
	__u64 rate_burst;	/* ns a port may be in debt: burst * rate_interval */
	__u64 learn_ns;		/* 1: pass neighbour solicitations */
	__u64 forget_before;	/* ns, CLOCK_MONOTONIC: what was passed until then counts as never passed */
};

/* Value of the map `ports`, key: ifindex in network byte order. A port that is not in it has no limit. */
struct snoop_port {
	__u64 tat;		/* ns, CLOCK_MONOTONIC: when what was passed will be paid for */
	__u64 limited;		/* frames not passed for that */
};

/* A probe or DAD is passed again at least this often, ns: how long ago the last one was matters. */
#define SNOOP_PROBE_REPEAT_INTERVAL 1000000000ULL

/*
 * What became of a frame. The value of the map `cpus` begins with a counter (__u64) for each, on each CPU.
 * Frames that are neither ARP nor IPv6, and IPv6 other than ICMPv6, are left alone as fast as possible: not counted.
 */
enum snoop_outcome {
	SNOOP_OUTCOME_PASSED,			/* a record was given to user space */
	SNOOP_OUTCOME_REPEATED,			/* the same was passed less than the repeat interval ago */
	SNOOP_OUTCOME_RATE_LIMITED,		/* news, but too much of it from this port; its repetition is news too */
	SNOOP_OUTCOME_RING_FULL,		/* should have been passed; its repetition will be */
	SNOOP_OUTCOME_DOUBLE_TAGGED,		/* two VLAN tags: not looked into, the inner network is not this bridge's */
	SNOOP_OUTCOME_VLAN_TRUNCATED,		/* ends within the tag */
	SNOOP_OUTCOME_ETHER_SOURCE_INVALID,	/* all zero or multicast: a bridge drops such a frame */
	SNOOP_OUTCOME_MAC_ZERO,
	SNOOP_OUTCOME_MAC_MULTICAST,
	SNOOP_OUTCOME_IP_UNSPECIFIED,
	SNOOP_OUTCOME_IP_LOOPBACK,
	SNOOP_OUTCOME_IP_MULTICAST,
	SNOOP_OUTCOME_IP_BROADCAST,
	SNOOP_OUTCOME_ARP_TRUNCATED,
	SNOOP_OUTCOME_ARP_NOT_ETHERNET_IPV4,	/* hardware type 1, protocol 0x0800, lengths 6 and 4 are expected */
	SNOOP_OUTCOME_ARP_OTHER_OPERATION,
	SNOOP_OUTCOME_IPV6_MALFORMED,		/* truncated, or of another version */
	SNOOP_OUTCOME_IPV6_EXTENSION,		/* extension headers are not followed (RFC 6980, 5 forbids fragments in ND) */
	SNOOP_OUTCOME_ICMPV6_OTHER,		/* neither NA, NS nor RA */
	SNOOP_OUTCOME_ND_TRUNCATED,		/* shorter than its kind must be, or than it says */
	SNOOP_OUTCOME_ND_HOP_LIMIT,		/* not 255: may have crossed a router (RFC 4861, 6.1.2, 7.1.1, 7.1.2) */
	SNOOP_OUTCOME_ND_CODE,
	SNOOP_OUTCOME_ND_OPTIONS,		/* options malformed, or more than SNOOP_ND_OPTIONS_MAX bytes of them */
	SNOOP_OUTCOME_ND_CHECKSUM,
	SNOOP_OUTCOME_NA_SOLICITED_MULTICAST,	/* solicited, yet sent to a multicast address (RFC 4861, 7.1.2) */
	SNOOP_OUTCOME_NA_NO_MAC,		/* without the option only the answer to a unicast solicitation names a MAC */
	SNOOP_OUTCOME_NS_NOT_LEARNED,		/* not looked into: snoop_config.learn_ns is off */
	SNOOP_OUTCOME_NS_NO_MAC,		/* without the option: the asked host knows the MAC (RFC 4861, 4.3) */
	SNOOP_OUTCOME_DAD_NS_DESTINATION,	/* not to its target's solicited-node address (RFC 4861, 7.1.1) */
	SNOOP_OUTCOME_DAD_NS_WITH_MAC,		/* source link-layer address of :: (RFC 4861, 7.1.1) */
	SNOOP_OUTCOME_RA_NOT_LINK_LOCAL,	/* source address of another scope (RFC 4861, 6.1.2) */
	SNOOP_OUTCOME_COUNT
};

/*
 * An NA or NS carries one option of 8 bytes, an RA also MTU, prefixes and DNS; SEND's CGA and signature (RFC 3971) add a
 * few hundred.
 */
#define SNOOP_ND_OPTIONS_MAX 512

#endif
