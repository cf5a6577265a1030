// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * Looks at every frame a port receives and tells user space about those that say which MAC has an IP address:
 * ARP requests and replies, and neighbour advertisements. A frame is never dropped, changed or delayed.
 *
 * For TCX and clsact alike. Loads on Linux 5.15 and later, with CAP_BPF and CAP_NET_ADMIN alone.
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
#define ND_NEIGHBOR_ADVERT 136
#define ND_OPT_TARGET_LINKADDR 2
#define ND_HOP_LIMIT 255

/* TCX_NEXT and TC_ACT_UNSPEC: whatever comes after decides. */
#define CONTINUE (-1)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

#define NOT_COUNTED SNOOP_OUTCOME_COUNT

/* ns. User space sets it (map `.bss`). */
__u64 repeat_interval;

/* What user space was told last about a key, and when. */
struct seen {
	__u64 at; /* ns, coarse CLOCK_MONOTONIC */
	__u64 marks;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct snoop_key);
	__type(value, struct seen);
} seen SEC(".maps");

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

/* RFC 4861, 4.4. */
struct neighbor_advert {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__u8 flags; /* enum snoop_na_flag */
	__u8 reserved[3];
	__u8 target[16];
};

union ipv6_na {
	struct {
		struct ipv6hdr ip;
		struct neighbor_advert na;
	};
	__u32 words[16];
};

/* ND options come in units of 8 bytes; a link-layer address option of Ethernet is exactly one. */
union nd_unit {
	struct {
		__u8 type;
		__u8 length; /* in units */
		__u8 mac[ETH_ALEN];
	};
	__u32 words[2];
};

/*
 * The counters of a CPU, and its scratch space for the frame it looks at: one at a time, softirqs do not nest.
 * It is not on the stack because without CAP_PERFMON the verifier puts a speculation barrier behind almost every
 * write there, which doubles the time for an ARP.
 */
struct cpu {
	__u64 counters[SNOOP_OUTCOME_COUNT];
	/* Read back as an index: without CAP_PERFMON the verifier refuses one that is a constant on each path. */
	volatile __u32 outcome;
	/* what the frame claims */
	struct snoop_key key;
	__u8 ether_source[ETH_ALEN];
	__u8 kind;
	__u8 na_flags;
	struct seen now;
	/* what was read of it */
	struct {
		__be16 tci;
		__be16 protocol;
	} tag;
	__u8 next_header;
	__u8 icmpv6_type;
	struct arp_ipv4 arp;
	union ipv6_na nd;
	union nd_unit option;
	__u64 sum; /* of the NA's 32-bit words */
	__u32 offset; /* of the next unit of options */
	__u32 units; /* of options left */
	__u32 to_next; /* units until the next option begins */
	__u32 found_mac;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu);
} cpus SEC(".maps");

static __always_inline bool mac_is_zero(const __u8 *mac)
{
	return !(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

static __always_inline bool mac_is_multicast(const __u8 *mac)
{
	return mac[0] & 1;
}

/* A change of these marks is news within the repeat interval too. */
static __always_inline __u64 marks(const struct cpu *cpu)
{
	__u8 differing = 0;

	for (int i = 0; i < ETH_ALEN; i++)
		differing |= cpu->key.mac[i] ^ cpu->ether_source[i];
	return (cpu->na_flags & (SNOOP_NA_ROUTER | SNOOP_NA_OVERRIDE)) | (differing != 0);
}

/* Checks the addresses all kinds have in common, and passes the claim to user space unless it is a repetition. */
static __always_inline enum snoop_outcome pass(struct cpu *cpu)
{
	struct snoop_record *record;
	struct seen *last;

	if (mac_is_zero(cpu->key.mac))
		return SNOOP_OUTCOME_MAC_ZERO;
	if (mac_is_multicast(cpu->key.mac))
		return SNOOP_OUTCOME_MAC_MULTICAST;
	if (mac_is_zero(cpu->ether_source) || mac_is_multicast(cpu->ether_source))
		return SNOOP_OUTCOME_ETHER_SOURCE_INVALID;

	cpu->now.at = bpf_ktime_get_coarse_ns();
	cpu->now.marks = marks(cpu);
	last = bpf_map_lookup_elem(&seen, &cpu->key);
	if (last && last->marks == cpu->now.marks && cpu->now.at - last->at < repeat_interval)
		return SNOOP_OUTCOME_REPEATED;

	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return SNOOP_OUTCOME_RING_FULL;
	record->at = bpf_cpu_to_be64(bpf_ktime_get_ns());
	record->ifindex = cpu->key.ifindex;
	record->vlan = cpu->key.vlan;
	record->vlan_proto = cpu->key.vlan_proto;
	__builtin_memcpy(record->mac, cpu->key.mac, sizeof(record->mac));
	__builtin_memcpy(record->ether_source, cpu->ether_source, sizeof(record->ether_source));
	__builtin_memcpy(record->ip, cpu->key.ip, sizeof(record->ip));
	record->kind = cpu->kind;
	record->na_flags = cpu->na_flags;
	record->pad[0] = record->pad[1] = 0;
	bpf_ringbuf_submit(record, 0);

	/* If this fails, user space hears the same again: harmless. */
	bpf_map_update_elem(&seen, &cpu->key, &cpu->now, BPF_ANY);
	return SNOOP_OUTCOME_PASSED;
}

/* The skb may be non-linear: copying out works for any, where pulling would change it. */
static __always_inline int load_ether_source(struct __sk_buff *skb, struct cpu *cpu)
{
	return bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_source), cpu->ether_source, ETH_ALEN);
}

static __always_inline enum snoop_outcome arp(struct __sk_buff *skb, struct cpu *cpu, __u32 offset)
{
	const __u8 *ip = cpu->arp.sender_ip;

	if (load_ether_source(skb, cpu) || bpf_skb_load_bytes(skb, offset, &cpu->arp, sizeof(cpu->arp)))
		return SNOOP_OUTCOME_ARP_TRUNCATED;
	if (cpu->arp.hardware != bpf_htons(ARPHRD_ETHER) || cpu->arp.protocol != bpf_htons(ETH_P_IP) ||
	    cpu->arp.hardware_length != ETH_ALEN || cpu->arp.protocol_length != sizeof(cpu->arp.sender_ip))
		return SNOOP_OUTCOME_ARP_NOT_ETHERNET_IPV4;

	if (cpu->arp.operation == bpf_htons(ARPOP_REQUEST))
		cpu->kind = SNOOP_KIND_ARP_REQUEST;
	else if (cpu->arp.operation == bpf_htons(ARPOP_REPLY))
		cpu->kind = SNOOP_KIND_ARP_REPLY;
	else
		return SNOOP_OUTCOME_ARP_OTHER_OPERATION;

	if (!(ip[0] | ip[1] | ip[2] | ip[3]))
		return cpu->kind == SNOOP_KIND_ARP_REQUEST ? SNOOP_OUTCOME_ARP_PROBE : SNOOP_OUTCOME_IP_UNSPECIFIED;
	if (ip[0] == 127)
		return SNOOP_OUTCOME_IP_LOOPBACK;
	if ((ip[0] & 0xf0) == 224)
		return SNOOP_OUTCOME_IP_MULTICAST;
	if ((ip[0] & ip[1] & ip[2] & ip[3]) == 255)
		return SNOOP_OUTCOME_IP_BROADCAST;

	cpu->na_flags = 0;
	cpu->key.family = SNOOP_FAMILY_IPV4;
	__builtin_memcpy(cpu->key.mac, cpu->arp.sender_mac, ETH_ALEN);
	__builtin_memset(cpu->key.ip, 0, sizeof(cpu->key.ip));
	__builtin_memcpy(cpu->key.ip, ip, sizeof(cpu->arp.sender_ip));
	return SNOOP_OUTCOME_PASSED;
}

static __always_inline bool checksum_is_right(__u64 sum)
{
	for (int i = 0; i < 3; i++)
		sum = (sum & 0xffffffff) + (sum >> 32);
	for (int i = 0; i < 3; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

enum option_result { OPTION_MORE, OPTION_END, OPTION_MALFORMED };

/* One unit of options, at cpu->offset: the first target link-layer address goes to the key, all is added to the sum. */
static __noinline enum option_result option(struct __sk_buff *skb, struct cpu *cpu)
{
	if (cpu->units == 0)
		return cpu->to_next ? OPTION_MALFORMED : OPTION_END;
	if (bpf_skb_load_bytes(skb, cpu->offset, &cpu->option, sizeof(cpu->option)))
		return OPTION_MALFORMED;
	cpu->units--;
	cpu->offset += sizeof(cpu->option);
	cpu->sum += (__u64)cpu->option.words[0] + cpu->option.words[1];
	if (cpu->to_next) {
		cpu->to_next--;
		return OPTION_MORE;
	}
	if (cpu->option.length == 0)
		return OPTION_MALFORMED;
	cpu->to_next = cpu->option.length - 1;
	if (cpu->option.type != ND_OPT_TARGET_LINKADDR || cpu->found_mac)
		return OPTION_MORE;
	if (cpu->option.length != 1)
		return OPTION_MALFORMED;
	__builtin_memcpy(cpu->key.mac, cpu->option.mac, ETH_ALEN);
	cpu->found_mac = true;
	return OPTION_MORE;
}

/* Reads all of them. Returns false if they are malformed, or too many. */
static __always_inline bool options(struct __sk_buff *skb, struct cpu *cpu)
{
	cpu->to_next = 0;
	cpu->found_mac = false;
	/* Unrolled: a verifier that follows mispredicted branches (without CAP_PERFMON) sees no end of a loop. */
#pragma unroll
	for (int i = 0; i <= SNOOP_NA_OPTIONS_MAX / (int)sizeof(cpu->option); i++) {
		enum option_result result = option(skb, cpu);

		if (result != OPTION_MORE)
			return result == OPTION_END;
	}
	return false;
}

static __always_inline enum snoop_outcome target_outcome(const __u8 *target)
{
	const __u32 *words = (const __u32 *)target;

	if (target[0] == 0xff)
		return SNOOP_OUTCOME_IP_MULTICAST;
	if (words[0] | words[1] | words[2])
		return SNOOP_OUTCOME_PASSED;
	if (words[3] == 0)
		return SNOOP_OUTCOME_IP_UNSPECIFIED;
	if (words[3] == bpf_htonl(1))
		return SNOOP_OUTCOME_IP_LOOPBACK;
	return SNOOP_OUTCOME_PASSED;
}

/* Validates as RFC 4861, 7.1.2 demands. */
static __noinline enum snoop_outcome neighbor_advert(struct __sk_buff *skb, struct cpu *cpu, __u32 offset)
{
	union ipv6_na *nd = &cpu->nd;
	enum snoop_outcome outcome;
	__u32 length, option_bytes;
	bool to_multicast;

	if (load_ether_source(skb, cpu) || bpf_skb_load_bytes(skb, offset, nd, sizeof(*nd)))
		return SNOOP_OUTCOME_NA_TRUNCATED;
	if (nd->ip.version != 6)
		return SNOOP_OUTCOME_IPV6_MALFORMED;
	length = bpf_ntohs(nd->ip.payload_len);
	if (length < sizeof(nd->na) || skb->len < offset + sizeof(nd->ip) + length)
		return SNOOP_OUTCOME_NA_TRUNCATED;
	if (nd->ip.hop_limit != ND_HOP_LIMIT)
		return SNOOP_OUTCOME_NA_HOP_LIMIT;
	if (nd->na.code != 0)
		return SNOOP_OUTCOME_NA_CODE;

	option_bytes = length - sizeof(nd->na);
	if (option_bytes % sizeof(cpu->option))
		return SNOOP_OUTCOME_NA_OPTIONS;

	cpu->sum = (__u64)bpf_htonl(length) + bpf_htonl(IPPROTO_ICMPV6);
	for (__u32 i = offsetof(struct ipv6hdr, saddr) / 4; i < sizeof(*nd) / 4; i++)
		cpu->sum += nd->words[i];
	cpu->offset = offset + sizeof(*nd);
	cpu->units = option_bytes / sizeof(cpu->option);
	if (!options(skb, cpu))
		return SNOOP_OUTCOME_NA_OPTIONS;
	if (!checksum_is_right(cpu->sum))
		return SNOOP_OUTCOME_NA_CHECKSUM;

	cpu->na_flags = nd->na.flags & (SNOOP_NA_ROUTER | SNOOP_NA_SOLICITED | SNOOP_NA_OVERRIDE);
	to_multicast = nd->ip.daddr.s6_addr[0] == 0xff;
	if (to_multicast && (cpu->na_flags & SNOOP_NA_SOLICITED))
		return SNOOP_OUTCOME_NA_SOLICITED_MULTICAST;
	outcome = target_outcome(nd->na.target);
	if (outcome != SNOOP_OUTCOME_PASSED)
		return outcome;
	if (!cpu->found_mac) {
		/* RFC 4861, 4.4: may be left out only where the solicitation was unicast, so the asker knew the MAC. */
		if (to_multicast || !(cpu->na_flags & SNOOP_NA_SOLICITED))
			return SNOOP_OUTCOME_NA_NO_MAC;
		__builtin_memcpy(cpu->key.mac, cpu->ether_source, ETH_ALEN);
	}
	cpu->kind = SNOOP_KIND_NA;
	cpu->key.family = SNOOP_FAMILY_IPV6;
	__builtin_memcpy(cpu->key.ip, nd->na.target, sizeof(cpu->key.ip));
	return SNOOP_OUTCOME_PASSED;
}

static __always_inline bool is_extension(__u8 next_header)
{
	return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING || next_header == IPPROTO_FRAGMENT ||
	       next_header == IPPROTO_AH || next_header == IPPROTO_DSTOPTS;
}

static __always_inline enum snoop_outcome ipv6(struct __sk_buff *skb, struct cpu *cpu, __u32 offset)
{
	if (bpf_skb_load_bytes(skb, offset + offsetof(struct ipv6hdr, nexthdr), &cpu->next_header, 1))
		return SNOOP_OUTCOME_IPV6_MALFORMED;
	if (is_extension(cpu->next_header))
		return SNOOP_OUTCOME_IPV6_EXTENSION;
	if (cpu->next_header != IPPROTO_ICMPV6)
		return NOT_COUNTED;
	if (bpf_skb_load_bytes(skb, offset + sizeof(struct ipv6hdr), &cpu->icmpv6_type, 1))
		return SNOOP_OUTCOME_IPV6_MALFORMED;
	if (cpu->icmpv6_type != ND_NEIGHBOR_ADVERT)
		return SNOOP_OUTCOME_ICMPV6_OTHER;
	return neighbor_advert(skb, cpu, offset);
}

/* Whether a look at the linear part suffices to see that this IPv6 is none of ours. Most frames are. */
static __always_inline bool is_other_ipv6(struct __sk_buff *skb)
{
	const __u8 *frame = (const __u8 *)(long)skb->data;
	const __u32 next_header = ETH_HLEN + offsetof(struct ipv6hdr, nexthdr);

	return frame + next_header + 1 <= (const __u8 *)(long)skb->data_end &&
	       frame[next_header] != IPPROTO_ICMPV6 && !is_extension(frame[next_header]);
}

/* A tag of VLAN 0 only carries a priority: the frame counts as untagged (802.1Q, 6.9.1). */
static __always_inline void enter_vlan(struct cpu *cpu, __u16 tci, __be16 proto)
{
	__u16 vlan = tci & VLAN_ID_MASK;

	cpu->key.vlan = bpf_htons(vlan);
	cpu->key.vlan_proto = vlan ? proto : 0;
}

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

static __always_inline enum snoop_outcome look(struct __sk_buff *skb, struct cpu *cpu, __be16 protocol)
{
	enum snoop_outcome outcome;
	__u32 offset = ETH_HLEN;

	cpu->key.ifindex = bpf_htonl(skb->ifindex);
	/* The kernel has moved the outer tag of a frame it received into the skb; one still in the frame is then inner. */
	if (skb->vlan_present)
		enter_vlan(cpu, skb->vlan_tci, skb->vlan_proto);
	else
		enter_vlan(cpu, 0, 0);
	if (is_vlan(protocol)) {
		if (bpf_skb_load_bytes(skb, offset, &cpu->tag, sizeof(cpu->tag)))
			return SNOOP_OUTCOME_VLAN_TRUNCATED;
		if (skb->vlan_present || is_vlan(cpu->tag.protocol))
			return SNOOP_OUTCOME_DOUBLE_TAGGED;
		enter_vlan(cpu, bpf_ntohs(cpu->tag.tci), protocol);
		offset += sizeof(cpu->tag);
		protocol = cpu->tag.protocol;
	}
	if (protocol == bpf_htons(ETH_P_ARP))
		outcome = arp(skb, cpu, offset);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		outcome = ipv6(skb, cpu, offset);
	else
		return NOT_COUNTED;
	return outcome == SNOOP_OUTCOME_PASSED ? pass(cpu) : outcome;
}

static __always_inline void look_and_count(struct __sk_buff *skb, __be16 protocol)
{
	__u32 zero = 0, outcome;
	struct cpu *cpu = bpf_map_lookup_elem(&cpus, &zero);

	if (!cpu)
		return;
	cpu->outcome = look(skb, cpu, protocol);
	outcome = cpu->outcome;
	if (outcome < SNOOP_OUTCOME_COUNT)
		cpu->counters[outcome]++;
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
