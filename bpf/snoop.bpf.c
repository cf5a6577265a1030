// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * Examines every frame that a port receives, and reports to user space those in which a host claims an IP address (ARP
 * requests and replies, neighbour and router advertisements and, if configured, neighbour solicitations) or asks
 * whether one is free. A frame is never dropped, changed or delayed.
 *
 * It works with TCX and clsact, on Linux 5.15 and later, with CAP_BPF and CAP_NET_ADMIN alone.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "snoop.h"

#define ARPHRD_ETHER 1
#define ARPOP_REQUEST 1
#define ARPOP_REPLY 2
#define VLAN_ID_MASK 0x0fff
#define ND_ROUTER_ADVERT 134
#define ND_NEIGHBOR_SOLICIT 135
#define ND_NEIGHBOR_ADVERT 136
#define ND_OPT_SOURCE_LINKADDR 1
#define ND_OPT_TARGET_LINKADDR 2
#define ND_HOP_LIMIT 255

/* TCX_NEXT and TC_ACT_UNSPEC: the next program or filter decides. */
#define CONTINUE (-1)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

#define NOT_COUNTED SNOOP_OUTCOME_COUNT

struct snoop_config config;

/* When a key was last reported to user space, and with which marks. */
struct seen {
	__u64 at; /* ns, coarse CLOCK_MONOTONIC */
	__u64 marks;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct snoop_key);
	__type(value, struct seen);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __be32);
	__type(value, struct snoop_port);
} ports SEC(".maps");

/* RFC 826 for Ethernet and IPv4. (linux/if_arp.h needs a C library.) */
struct arp_ipv4 {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
};

/* RFC 4861, 4.3 and 4.4. */
struct neighbor_message {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__u8 flags; /* enum snoop_na_flag */
	__u8 reserved[3];
	__be32 target[4];
};

/* RFC 4861, 4.2. */
struct router_advert {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__u8 hop_limit;
	__u8 flags;
	__be16 lifetime;
	__be32 reachable;
	__be32 retransmit;
};

union ipv6_nd {
	struct {
		struct ipv6hdr ip;
		union {
			struct neighbor_message neighbor;
			struct router_advert router;
		};
	};
	__u32 words[16];
};

/* ND options come in units of 8 bytes; a link-layer address option of Ethernet has exactly one. */
union nd_unit {
	struct {
		__u8 type;
		__u8 length; /* in units */
		__u8 mac[ETH_ALEN];
	};
	__u32 words[2];
};

/*
 * The counters of a CPU, and its scratch space for the frame being examined. There is only one at a time, because
 * softirqs do not nest. It is not on the stack because without CAP_PERFMON the verifier puts a speculation barrier
 * behind almost every write there, which doubles the time for an ARP frame.
 */
struct percpu_scratch {
	__u64 counters[SNOOP_OUTCOME_COUNT];
	/*
	 * It is read back as an index: without CAP_PERFMON the verifier rejects an index that is constant on each path.
	 */
	volatile __u32 outcome;
	/* the claim of the frame */
	struct snoop_key key;
	__u8 ether_source[ETH_ALEN];
	__u8 kind;
	__u8 na_flags;
	struct seen now;
	/* the parts of the frame that were read */
	struct {
		__be16 tci;
		__be16 protocol;
	} tag;
	__u8 next_header;
	__u8 icmpv6_type;
	struct arp_ipv4 arp;
	union ipv6_nd nd;
	union nd_unit option;
	__u64 sum; /* of the ND message's 32-bit words */
	__u32 offset; /* of the next unit of options */
	__u32 units; /* of options left */
	__u32 to_next; /* units until the next option begins */
	__u32 mac_option; /* type of the one that names the MAC */
	__u32 found_mac;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct percpu_scratch);
} percpu_scratch SEC(".maps");

static __always_inline bool mac_is_zero(const __u8 *mac)
{
	return !(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

static __always_inline bool mac_is_multicast(const __u8 *mac)
{
	return mac[0] & 1;
}

static __always_inline bool is_probe(const struct percpu_scratch *scratch)
{
	return scratch->kind == SNOOP_KIND_ARP_PROBE || scratch->kind == SNOOP_KIND_DAD_NS;
}

/* The marks in `seen`, in addition to the flags of an NA. */
#define MARK_DIFFERING 1 /* the frame's source is not the MAC */
#define MARK_PROBE 2

/* A change of these marks is news even within the repeat interval. `last`: the previous marks, 0 if there are none. */
static __always_inline __u64 marks(const struct percpu_scratch *scratch, __u64 last)
{
	__u8 differing = 0;
	__u64 marks;

	for (int i = 0; i < ETH_ALEN; i++)
		differing |= scratch->key.mac[i] ^ scratch->ether_source[i];
	marks = scratch->na_flags & (SNOOP_NA_ROUTER | SNOOP_NA_OVERRIDE);
	if (differing)
		marks |= MARK_DIFFERING;
	if (is_probe(scratch))
		marks |= MARK_PROBE;
	/* An RA and an NS override what was known (RFC 4861, 6.3.4 and 7.2.3). An NS does not say who is a router. */
	if (scratch->kind == SNOOP_KIND_RA || scratch->kind == SNOOP_KIND_NS)
		marks |= SNOOP_NA_OVERRIDE;
	if (scratch->kind == SNOOP_KIND_NS)
		marks |= last & SNOOP_NA_ROUTER;
	return marks;
}

static __always_inline __u64 repeat_interval(const struct percpu_scratch *scratch)
{
	__u64 interval = config.repeat_interval;

	return is_probe(scratch) && interval > SNOOP_PROBE_REPEAT_INTERVAL ? SNOOP_PROBE_REPEAT_INTERVAL : interval;
}

/*
 * User space takes forget_before from the fine clock, which the coarse one never leads. What was passed before
 * therefore has `at` <= forget_before; the two are equal if the clock has just ticked. The price is that what is passed
 * until the coarse clock exceeds that time (one tick, 1 to 10 ms) is forgotten as well and passed again.
 */
static __always_inline bool is_forgotten(__u64 at)
{
	return at <= config.forget_before;
}

/* Generic cell rate algorithm: each record postpones the time at which the port's debt is paid, up to a limit. */
static __always_inline bool is_over_rate(const struct percpu_scratch *scratch, __u64 now)
{
	struct snoop_port *port;
	__u64 tat;

	if (!config.rate_interval)
		return false;
	port = bpf_map_lookup_elem(&ports, &scratch->key.ifindex);
	if (!port)
		return false;
	tat = port->tat;
	if (tat < now)
		tat = now;
	tat += config.rate_interval;
	if (tat - now > config.rate_burst) {
		__sync_fetch_and_add(&port->limited, 1);
		return true;
	}
	/*
	 * This is not atomic, because compare-and-exchange would need -mcpu=v3. If several CPUs do this for one port at
	 * the same instant, only one is charged; at worst, the rate is exceeded by a factor of the number of CPUs.
	 */
	port->tat = tat;
	return false;
}

static __always_inline bool is_multicast(const __be32 *ip)
{
	return (ip[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

static __always_inline bool is_unspecified(const __be32 *ip)
{
	return !(ip[0] | ip[1] | ip[2] | ip[3]);
}

static __always_inline bool is_link_local(const __be32 *ip)
{
	return (ip[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* RFC 4291, 2.7.1. */
static __always_inline bool is_solicited_node_of(const __be32 *ip, const __be32 *target)
{
	return ip[0] == bpf_htonl(0xff020000) && ip[1] == 0 && ip[2] == bpf_htonl(1) &&
	       ip[3] == (target[3] | bpf_htonl(0xff000000));
}

static __always_inline enum snoop_outcome ipv6_outcome(const __be32 *ip)
{
	if (is_multicast(ip))
		return SNOOP_OUTCOME_IP_MULTICAST;
	if (ip[0])
		return SNOOP_OUTCOME_PASSED;
	if (is_unspecified(ip))
		return SNOOP_OUTCOME_IP_UNSPECIFIED;
	if (!(ip[1] | ip[2]) && ip[3] == bpf_htonl(1))
		return SNOOP_OUTCOME_IP_LOOPBACK;
	return SNOOP_OUTCOME_IP_RESERVED;
}

static __always_inline void fill(struct snoop_record *record, const struct percpu_scratch *scratch, __u64 now, __u32 outcome)
{
	record->at = bpf_cpu_to_be64(now);
	record->ifindex = scratch->key.ifindex;
	record->vlan = scratch->key.vlan;
	record->vlan_proto = scratch->key.vlan_proto;
	__builtin_memcpy(record->mac, scratch->key.mac, sizeof(record->mac));
	__builtin_memcpy(record->ether_source, scratch->ether_source, sizeof(record->ether_source));
	__builtin_memcpy(record->ip, scratch->key.ip, sizeof(record->ip));
	record->kind = scratch->kind;
	record->na_flags = scratch->na_flags;
	record->outcome = outcome;
	record->pad = 0;
}

/*
 * Tells user space what was refused, so that people can be told, at a rate of its own for each port: neither the claims
 * of this port nor those of others get less room by that.
 */
static __noinline enum snoop_outcome refuse(struct percpu_scratch *scratch, enum snoop_outcome outcome)
{
	struct snoop_record *record;
	struct snoop_port *port;
	__u64 now, tat;

	port = bpf_map_lookup_elem(&ports, &scratch->key.ifindex);
	if (!port)
		return outcome;
	now = bpf_ktime_get_ns();
	tat = port->refused_tat;
	if (tat < now)
		tat = now;
	tat += SNOOP_REFUSED_INTERVAL;
	if (tat - now > SNOOP_REFUSED_BURST * SNOOP_REFUSED_INTERVAL)
		return outcome;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return outcome;
	fill(record, scratch, now, outcome);
	bpf_ringbuf_submit(record, 0);
	port->refused_tat = tat;
	return outcome;
}

/* Makes the checks that all kinds have in common, and passes the claim to user space unless it is a repetition. */
static __always_inline enum snoop_outcome pass(struct percpu_scratch *scratch)
{
	/*
	 * A copy, because before Linux 6.17 the verifier without CAP_PERFMON rejects a pointer that may be NULL on a
	 * path.
	 */
	struct seen last = {};
	struct snoop_record *record;
	struct seen *found;
	__u64 now;

	if (mac_is_zero(scratch->key.mac))
		return refuse(scratch, SNOOP_OUTCOME_MAC_ZERO);
	if (mac_is_multicast(scratch->key.mac))
		return refuse(scratch, SNOOP_OUTCOME_MAC_MULTICAST);
	if (mac_is_zero(scratch->ether_source) || mac_is_multicast(scratch->ether_source))
		return refuse(scratch, SNOOP_OUTCOME_ETHER_SOURCE_INVALID);

	scratch->now.at = bpf_ktime_get_coarse_ns();
	found = bpf_map_lookup_elem(&seen, &scratch->key);
	if (found && !is_forgotten(found->at))
		last = *found;
	scratch->now.marks = marks(scratch, last.marks);
	if (last.at && last.marks == scratch->now.marks && scratch->now.at - last.at < repeat_interval(scratch))
		return SNOOP_OUTCOME_REPEATED;

	/* What was said before teaches nothing either way, so only news is checked for this. */
	if (scratch->kind == SNOOP_KIND_NA && ipv6_outcome(scratch->nd.ip.saddr.s6_addr32) != SNOOP_OUTCOME_PASSED)
		return refuse(scratch, SNOOP_OUTCOME_NA_SOURCE);

	/* The coarse clock would not do: no debt would be paid between two of its ticks. */
	now = bpf_ktime_get_ns();
	if (is_over_rate(scratch, now))
		return refuse(scratch, SNOOP_OUTCOME_RATE_LIMITED);
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return SNOOP_OUTCOME_RING_FULL;
	fill(record, scratch, now, SNOOP_OUTCOME_PASSED);
	bpf_ringbuf_submit(record, 0);

	/* If this fails, user space gets the same claim again, which is harmless. */
	bpf_map_update_elem(&seen, &scratch->key, &scratch->now, BPF_ANY);
	return SNOOP_OUTCOME_PASSED;
}

/* Copies the bytes out, because the skb may be non-linear and pulling would change it. */
static __always_inline int load_ether_source(struct __sk_buff *skb, struct percpu_scratch *scratch)
{
	return bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_source), scratch->ether_source, ETH_ALEN);
}

/* For a frame that is refused before its claim was read: what is in the scratch space belongs to an earlier one. */
static __noinline enum snoop_outcome without_claim(struct __sk_buff *skb, struct percpu_scratch *scratch, enum snoop_outcome outcome)
{
	__builtin_memset(scratch->key.mac, 0, sizeof(scratch->key.mac));
	__builtin_memset(scratch->key.ip, 0, sizeof(scratch->key.ip));
	__builtin_memset(scratch->ether_source, 0, sizeof(scratch->ether_source));
	scratch->kind = 0;
	scratch->na_flags = 0;
	load_ether_source(skb, scratch);
	return outcome;
}

static __always_inline enum snoop_outcome ipv4_outcome(const __u8 *ip)
{
	if (!(ip[0] | ip[1] | ip[2] | ip[3]))
		return SNOOP_OUTCOME_IP_UNSPECIFIED;
	if (ip[0] == 127)
		return SNOOP_OUTCOME_IP_LOOPBACK;
	if ((ip[0] & 0xf0) == 224)
		return SNOOP_OUTCOME_IP_MULTICAST;
	if ((ip[0] & ip[1] & ip[2] & ip[3]) == 255)
		return SNOOP_OUTCOME_IP_BROADCAST;
	return SNOOP_OUTCOME_PASSED;
}

static __always_inline enum snoop_outcome arp(struct __sk_buff *skb, struct percpu_scratch *scratch, __u32 offset)
{
	enum snoop_outcome outcome;

	if (load_ether_source(skb, scratch) || bpf_skb_load_bytes(skb, offset, &scratch->arp, sizeof(scratch->arp)))
		return without_claim(skb, scratch, SNOOP_OUTCOME_ARP_TRUNCATED);
	if (scratch->arp.hardware != bpf_htons(ARPHRD_ETHER) || scratch->arp.protocol != bpf_htons(ETH_P_IP) ||
	    scratch->arp.hardware_length != ETH_ALEN || scratch->arp.protocol_length != sizeof(scratch->arp.sender_ip))
		return without_claim(skb, scratch, SNOOP_OUTCOME_ARP_NOT_ETHERNET_IPV4);

	if (scratch->arp.operation == bpf_htons(ARPOP_REQUEST))
		scratch->kind = SNOOP_KIND_ARP_REQUEST;
	else if (scratch->arp.operation == bpf_htons(ARPOP_REPLY))
		scratch->kind = SNOOP_KIND_ARP_REPLY;
	else
		return without_claim(skb, scratch, SNOOP_OUTCOME_ARP_OTHER_OPERATION);

	outcome = ipv4_outcome(scratch->arp.sender_ip);
	__builtin_memset(scratch->key.ip, 0, sizeof(scratch->key.ip));
	__builtin_memcpy(scratch->key.ip, scratch->arp.sender_ip, sizeof(scratch->arp.sender_ip));
	if (outcome == SNOOP_OUTCOME_IP_UNSPECIFIED && scratch->kind == SNOOP_KIND_ARP_REQUEST) {
		outcome = ipv4_outcome(scratch->arp.target_ip);
		__builtin_memcpy(scratch->key.ip, scratch->arp.target_ip, sizeof(scratch->arp.target_ip));
		scratch->kind = SNOOP_KIND_ARP_PROBE;
	}
	scratch->na_flags = 0;
	scratch->key.family = SNOOP_FAMILY_IPV4;
	__builtin_memcpy(scratch->key.mac, scratch->arp.sender_mac, ETH_ALEN);
	return outcome;
}

static __always_inline bool checksum_is_right(__u64 sum)
{
	for (int i = 0; i < 3; i++)
		sum = (sum & 0xffffffff) + (sum >> 32);
	for (int i = 0; i < 3; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* There is another unit of options to read. */
#define MORE SNOOP_OUTCOME_COUNT

/* Reads one unit of options at scratch->offset: takes the first scratch->mac_option, and adds all words to the sum. */
static __noinline enum snoop_outcome option(struct __sk_buff *skb, struct percpu_scratch *scratch)
{
	__u8 differing = 0;

	if (scratch->units == 0)
		return scratch->to_next ? SNOOP_OUTCOME_ND_OPTIONS : SNOOP_OUTCOME_PASSED;
	if (bpf_skb_load_bytes(skb, scratch->offset, &scratch->option, sizeof(scratch->option)))
		return SNOOP_OUTCOME_ND_OPTIONS;
	scratch->units--;
	scratch->offset += sizeof(scratch->option);
	scratch->sum += (__u64)scratch->option.words[0] + scratch->option.words[1];
	if (scratch->to_next) {
		scratch->to_next--;
		return MORE;
	}
	if (scratch->option.length == 0)
		return SNOOP_OUTCOME_ND_OPTIONS;
	scratch->to_next = scratch->option.length - 1;
	if (scratch->option.type != scratch->mac_option)
		return MORE;
	if (scratch->option.length != 1)
		return SNOOP_OUTCOME_ND_OPTIONS;
	if (scratch->found_mac) {
		/* Which one counts is up to the receiver: Linux takes the first one. */
		for (int i = 0; i < ETH_ALEN; i++)
			differing |= scratch->key.mac[i] ^ scratch->option.mac[i];
		return differing ? SNOOP_OUTCOME_ND_MACS_DIFFER : MORE;
	}
	__builtin_memcpy(scratch->key.mac, scratch->option.mac, ETH_ALEN);
	scratch->found_mac = true;
	return MORE;
}

/* Reads all options; they must be well-formed, not too many, and of one mind about the MAC. */
static __always_inline enum snoop_outcome options(struct __sk_buff *skb, struct percpu_scratch *scratch)
{
	scratch->to_next = 0;
	/*
	 * Unrolled, because a verifier that follows mispredicted branches (without CAP_PERFMON) finds no end of a loop.
	 */
#pragma unroll
	for (int i = 0; i <= SNOOP_ND_OPTIONS_MAX / (int)sizeof(scratch->option); i++) {
		enum snoop_outcome outcome = option(skb, scratch);

		if (outcome != MORE)
			return outcome;
	}
	return SNOOP_OUTCOME_ND_OPTIONS;
}

/*
 * Checks what RFC 4861, 6.1.2, 7.1.1 and 7.1.2 require of all messages, and reads the options; `message` is the length
 * without options.
 */
static __always_inline enum snoop_outcome validate(struct __sk_buff *skb, struct percpu_scratch *scratch, __u32 offset, __u32 message)
{
	union ipv6_nd *nd = &scratch->nd;
	__u32 length, option_bytes;
	enum snoop_outcome outcome;

	if (nd->ip.version != 6)
		return SNOOP_OUTCOME_IPV6_MALFORMED;
	length = bpf_ntohs(nd->ip.payload_len);
	if (length < message || skb->len < offset + sizeof(nd->ip) + length)
		return SNOOP_OUTCOME_ND_TRUNCATED;
	if (nd->ip.hop_limit != ND_HOP_LIMIT)
		return SNOOP_OUTCOME_ND_HOP_LIMIT;
	if (nd->neighbor.code != 0)
		return SNOOP_OUTCOME_ND_CODE;

	option_bytes = length - message;
	if (option_bytes % sizeof(scratch->option))
		return SNOOP_OUTCOME_ND_OPTIONS;

	scratch->sum = (__u64)bpf_htonl(length) + bpf_htonl(IPPROTO_ICMPV6);
	for (__u32 i = offsetof(struct ipv6hdr, saddr) / 4; i < sizeof(*nd) / 4; i++)
		scratch->sum += nd->words[i];
	scratch->offset = offset + sizeof(nd->ip) + message;
	scratch->units = option_bytes / sizeof(scratch->option);
	outcome = options(skb, scratch);
	if (outcome != SNOOP_OUTCOME_PASSED)
		return outcome;
	if (!checksum_is_right(scratch->sum))
		return SNOOP_OUTCOME_ND_CHECKSUM;
	return SNOOP_OUTCOME_PASSED;
}

static __always_inline enum snoop_outcome neighbor_advert(struct percpu_scratch *scratch)
{
	union ipv6_nd *nd = &scratch->nd;
	bool to_multicast = is_multicast(nd->ip.daddr.s6_addr32);
	enum snoop_outcome outcome;

	scratch->na_flags = nd->neighbor.flags & (SNOOP_NA_ROUTER | SNOOP_NA_SOLICITED | SNOOP_NA_OVERRIDE);
	if (to_multicast && (scratch->na_flags & SNOOP_NA_SOLICITED))
		return SNOOP_OUTCOME_NA_SOLICITED_MULTICAST;
	outcome = ipv6_outcome(nd->neighbor.target);
	if (outcome != SNOOP_OUTCOME_PASSED)
		return outcome;
	/*
	 * RFC 4861, 4.4: the option may be omitted only in answer to a unicast solicitation, whose sender knew the MAC.
	 */
	if (!scratch->found_mac && (to_multicast || !(scratch->na_flags & SNOOP_NA_SOLICITED)))
		return SNOOP_OUTCOME_NA_NO_MAC;
	return SNOOP_OUTCOME_PASSED;
}

static __always_inline enum snoop_outcome neighbor_solicit(struct percpu_scratch *scratch)
{
	union ipv6_nd *nd = &scratch->nd;

	if (is_multicast(nd->neighbor.target))
		return SNOOP_OUTCOME_IP_MULTICAST;
	if (!scratch->found_mac)
		return SNOOP_OUTCOME_NS_NO_MAC;
	return ipv6_outcome(nd->ip.saddr.s6_addr32);
}

static __always_inline enum snoop_outcome dad(struct percpu_scratch *scratch)
{
	union ipv6_nd *nd = &scratch->nd;

	if (!is_solicited_node_of(nd->ip.daddr.s6_addr32, nd->neighbor.target))
		return SNOOP_OUTCOME_DAD_NS_DESTINATION;
	if (scratch->found_mac)
		return SNOOP_OUTCOME_DAD_NS_WITH_MAC;
	return ipv6_outcome(nd->neighbor.target);
}

static __always_inline enum snoop_outcome router_advert(struct percpu_scratch *scratch)
{
	union ipv6_nd *nd = &scratch->nd;

	scratch->na_flags = SNOOP_NA_ROUTER;
	if (!is_link_local(nd->ip.saddr.s6_addr32))
		return SNOOP_OUTCOME_RA_NOT_LINK_LOCAL;
	return SNOOP_OUTCOME_PASSED;
}

/* The claim as far as it does not depend on options, so that it is known if the message is refused. */
static __always_inline void enter_message(struct percpu_scratch *scratch)
{
	union ipv6_nd *nd = &scratch->nd;

	scratch->key.family = SNOOP_FAMILY_IPV6;
	scratch->na_flags = 0;
	scratch->found_mac = false;
	if (scratch->icmpv6_type == ND_NEIGHBOR_ADVERT) {
		scratch->kind = SNOOP_KIND_NA;
		scratch->mac_option = ND_OPT_TARGET_LINKADDR;
		__builtin_memcpy(scratch->key.ip, nd->neighbor.target, sizeof(scratch->key.ip));
		return;
	}
	scratch->mac_option = ND_OPT_SOURCE_LINKADDR;
	if (scratch->icmpv6_type == ND_NEIGHBOR_SOLICIT && is_unspecified(nd->ip.saddr.s6_addr32)) {
		scratch->kind = SNOOP_KIND_DAD_NS;
		__builtin_memcpy(scratch->key.ip, nd->neighbor.target, sizeof(scratch->key.ip));
		return;
	}
	scratch->kind = scratch->icmpv6_type == ND_ROUTER_ADVERT ? SNOOP_KIND_RA : SNOOP_KIND_NS;
	__builtin_memcpy(scratch->key.ip, &nd->ip.saddr, sizeof(scratch->key.ip));
}

static __noinline enum snoop_outcome neighbor_discovery(struct __sk_buff *skb, struct percpu_scratch *scratch, __u32 offset)
{
	union ipv6_nd *nd = &scratch->nd;
	__u32 message = sizeof(nd->neighbor);
	enum snoop_outcome outcome;

	if (scratch->icmpv6_type == ND_ROUTER_ADVERT) {
		message = sizeof(nd->router);
		nd->words[14] = nd->words[15] = 0; /* an RA is shorter, and all words are summed up */
		if (bpf_skb_load_bytes(skb, offset, nd, sizeof(nd->ip) + sizeof(nd->router)))
			return without_claim(skb, scratch, SNOOP_OUTCOME_ND_TRUNCATED);
	} else if (bpf_skb_load_bytes(skb, offset, nd, sizeof(*nd))) {
		return without_claim(skb, scratch, SNOOP_OUTCOME_ND_TRUNCATED);
	}
	if (scratch->icmpv6_type == ND_NEIGHBOR_SOLICIT && !config.learn_ns && !is_unspecified(nd->ip.saddr.s6_addr32))
		return SNOOP_OUTCOME_NS_NOT_LEARNED;
	if (load_ether_source(skb, scratch))
		return without_claim(skb, scratch, SNOOP_OUTCOME_ND_TRUNCATED);

	enter_message(scratch);
	outcome = validate(skb, scratch, offset, message);
	if (!scratch->found_mac)
		__builtin_memcpy(scratch->key.mac, scratch->ether_source, ETH_ALEN);
	if (outcome != SNOOP_OUTCOME_PASSED)
		return outcome;
	if (scratch->icmpv6_type == ND_NEIGHBOR_ADVERT)
		return neighbor_advert(scratch);
	if (scratch->icmpv6_type == ND_ROUTER_ADVERT)
		return router_advert(scratch);
	return is_unspecified(nd->ip.saddr.s6_addr32) ? dad(scratch) : neighbor_solicit(scratch);
}

static __always_inline bool is_discovery(__u8 icmpv6_type)
{
	return icmpv6_type == ND_NEIGHBOR_ADVERT || icmpv6_type == ND_NEIGHBOR_SOLICIT ||
	       icmpv6_type == ND_ROUTER_ADVERT;
}

static __always_inline bool is_extension(__u8 next_header)
{
	return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING || next_header == IPPROTO_FRAGMENT ||
	       next_header == IPPROTO_AH || next_header == IPPROTO_DSTOPTS;
}

static __always_inline enum snoop_outcome ipv6(struct __sk_buff *skb, struct percpu_scratch *scratch, __u32 offset)
{
	if (bpf_skb_load_bytes(skb, offset + offsetof(struct ipv6hdr, nexthdr), &scratch->next_header, 1))
		return SNOOP_OUTCOME_IPV6_MALFORMED;
	if (is_extension(scratch->next_header))
		return SNOOP_OUTCOME_IPV6_EXTENSION;
	if (scratch->next_header != IPPROTO_ICMPV6)
		return NOT_COUNTED;
	if (bpf_skb_load_bytes(skb, offset + sizeof(struct ipv6hdr), &scratch->icmpv6_type, 1))
		return SNOOP_OUTCOME_IPV6_MALFORMED;
	if (!is_discovery(scratch->icmpv6_type))
		return SNOOP_OUTCOME_ICMPV6_OTHER;
	return neighbor_discovery(skb, scratch, offset);
}

/* Whether the linear part suffices to see that this IPv6 frame is not of interest, which is true for most frames. */
static __always_inline bool is_other_ipv6(struct __sk_buff *skb)
{
	const __u8 *frame = (const __u8 *)(long)skb->data;
	const __u32 next_header = ETH_HLEN + offsetof(struct ipv6hdr, nexthdr);

	return frame + next_header + 1 <= (const __u8 *)(long)skb->data_end &&
	       frame[next_header] != IPPROTO_ICMPV6 && !is_extension(frame[next_header]);
}

/* A tag with VLAN 0 only carries a priority, so the frame counts as untagged (802.1Q, 6.9.1). */
static __always_inline void enter_vlan(struct percpu_scratch *scratch, __u16 tci, __be16 proto)
{
	__u16 vlan = tci & VLAN_ID_MASK;

	scratch->key.vlan = bpf_htons(vlan);
	scratch->key.vlan_proto = vlan ? proto : 0;
}

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/* What most hosts send all the time is refused silently, and so is what has no source. */
static __always_inline bool is_told(enum snoop_outcome outcome)
{
	return outcome != NOT_COUNTED && outcome != SNOOP_OUTCOME_IPV6_MALFORMED &&
	       outcome != SNOOP_OUTCOME_IPV6_EXTENSION && outcome != SNOOP_OUTCOME_ICMPV6_OTHER &&
	       outcome != SNOOP_OUTCOME_NS_NOT_LEARNED && outcome != SNOOP_OUTCOME_NS_NO_MAC;
}

static __always_inline enum snoop_outcome look(struct __sk_buff *skb, struct percpu_scratch *scratch, __be16 protocol)
{
	enum snoop_outcome outcome;
	__u32 offset = ETH_HLEN;

	scratch->key.ifindex = bpf_htonl(skb->ifindex);
	/*
	 * The kernel has moved the outer tag of a received frame into the skb, so a tag in the frame is an inner one.
	 */
	if (skb->vlan_present)
		enter_vlan(scratch, skb->vlan_tci, skb->vlan_proto);
	else
		enter_vlan(scratch, 0, 0);
	if (is_vlan(protocol)) {
		if (bpf_skb_load_bytes(skb, offset, &scratch->tag, sizeof(scratch->tag)))
			return SNOOP_OUTCOME_VLAN_TRUNCATED;
		if (skb->vlan_present || is_vlan(scratch->tag.protocol))
			return SNOOP_OUTCOME_DOUBLE_TAGGED;
		enter_vlan(scratch, bpf_ntohs(scratch->tag.tci), protocol);
		offset += sizeof(scratch->tag);
		protocol = scratch->tag.protocol;
	}
	if (protocol == bpf_htons(ETH_P_ARP))
		outcome = arp(skb, scratch, offset);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		outcome = ipv6(skb, scratch, offset);
	else
		return NOT_COUNTED;
	if (outcome == SNOOP_OUTCOME_PASSED)
		return pass(scratch);
	return is_told(outcome) ? refuse(scratch, outcome) : outcome;
}

static __always_inline void look_and_count(struct __sk_buff *skb, __be16 protocol)
{
	__u32 zero = 0, outcome;
	struct percpu_scratch *scratch = bpf_map_lookup_elem(&percpu_scratch, &zero);

	if (!scratch)
		return;
	scratch->outcome = look(skb, scratch, protocol);
	outcome = scratch->outcome;
	if (outcome < SNOOP_OUTCOME_COUNT)
		scratch->counters[outcome]++;
}

SEC("tc")
int snoop(struct __sk_buff *skb)
{
	__be16 protocol = skb->protocol;

	if (protocol == bpf_htons(ETH_P_ARP) || is_vlan(protocol) ||
	    (protocol == bpf_htons(ETH_P_IPV6) && !is_other_ipv6(skb)))
		look_and_count(skb, protocol);
	return CONTINUE;
}

char dual_license[] SEC("license") = "Dual BSD/GPL";
