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

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SNOOP_OUTCOME_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* One number: the repeat interval in ns. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} repeat_interval SEC(".maps");

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

/* Where in the frame we are, and the VLAN it is in. */
struct place {
	struct __sk_buff *skb;
	__u32 offset; /* of the network layer's header */
	__be16 vlan;
	__be16 vlan_proto;
};

/* What a frame claims. */
struct claim {
	__u8 ip[16];
	__u8 mac[ETH_ALEN];
	__u8 ether_source[ETH_ALEN];
	__u8 kind;
	__u8 family;
	__u8 na_flags;
};

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

static __always_inline int count(__u32 outcome)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &outcome);

	if (counter)
		*counter += 1;
	return CONTINUE;
}

/* The skb may be non-linear: copying out works for any, where pulling would change it. */
static __always_inline int load(const struct place *place, __u32 offset, void *to, __u32 length)
{
	return bpf_skb_load_bytes(place->skb, offset, to, length);
}

/*
 * One byte of the network layer's header. On the path of all IPv6, so without a helper where the byte is at hand.
 * The offset from the start of the frame is constant there: without CAP_PERFMON only that may be added to a pointer.
 */
static __always_inline int load_byte(const struct place *place, const __u32 offset, __u8 *to)
{
	const __u8 *frame = (const __u8 *)(long)place->skb->data;

	if (place->offset != ETH_HLEN || frame + ETH_HLEN + offset + 1 > (const __u8 *)(long)place->skb->data_end)
		return load(place, place->offset + offset, to, 1);
	*to = frame[ETH_HLEN + offset];
	return 0;
}

static __always_inline int mac_is_zero(const __u8 *mac)
{
	return !(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

static __always_inline int mac_is_multicast(const __u8 *mac)
{
	return mac[0] & 1;
}

/* A change of these marks is news within the repeat interval too. */
static __always_inline __u64 marks(const struct claim *claim)
{
	__u64 differing = 0;

	for (int i = 0; i < ETH_ALEN; i++)
		differing |= claim->mac[i] ^ claim->ether_source[i];
	return (claim->na_flags & (SNOOP_NA_ROUTER | SNOOP_NA_OVERRIDE)) | (differing != 0);
}

static __always_inline int was_passed_lately(const struct seen *last, __u64 marks, __u64 now)
{
	__u32 zero = 0;
	__u64 *interval = bpf_map_lookup_elem(&repeat_interval, &zero);

	return last && interval && last->marks == marks && now - last->at < *interval;
}

/* Checks the addresses all kinds have in common, and passes the claim to user space unless it is a repetition. */
static __always_inline int pass(const struct place *place, const struct claim *claim)
{
	struct snoop_key key = {
		.ifindex = bpf_htonl(place->skb->ifindex),
		.vlan = place->vlan,
		.vlan_proto = place->vlan_proto,
		.family = claim->family,
	};
	struct snoop_record *record;
	struct seen *last, now;

	if (mac_is_zero(claim->mac))
		return count(SNOOP_OUTCOME_MAC_ZERO);
	if (mac_is_multicast(claim->mac))
		return count(SNOOP_OUTCOME_MAC_MULTICAST);
	if (mac_is_zero(claim->ether_source) || mac_is_multicast(claim->ether_source))
		return count(SNOOP_OUTCOME_ETHER_SOURCE_INVALID);

	__builtin_memcpy(key.mac, claim->mac, sizeof(key.mac));
	__builtin_memcpy(key.ip, claim->ip, sizeof(key.ip));
	now.at = bpf_ktime_get_coarse_ns();
	now.marks = marks(claim);
	last = bpf_map_lookup_elem(&seen, &key);
	if (was_passed_lately(last, now.marks, now.at))
		return count(SNOOP_OUTCOME_REPEATED);

	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return count(SNOOP_OUTCOME_RING_FULL);
	record->at = bpf_cpu_to_be64(bpf_ktime_get_ns());
	record->ifindex = key.ifindex;
	record->vlan = key.vlan;
	record->vlan_proto = key.vlan_proto;
	__builtin_memcpy(record->mac, claim->mac, sizeof(record->mac));
	__builtin_memcpy(record->ether_source, claim->ether_source, sizeof(record->ether_source));
	__builtin_memcpy(record->ip, claim->ip, sizeof(record->ip));
	record->kind = claim->kind;
	record->na_flags = claim->na_flags;
	record->pad[0] = record->pad[1] = 0;
	bpf_ringbuf_submit(record, 0);

	/* If this fails, user space hears the same again: harmless. */
	if (last)
		*last = now;
	else
		bpf_map_update_elem(&seen, &key, &now, BPF_ANY);
	return count(SNOOP_OUTCOME_PASSED);
}

static __always_inline int arp(const struct place *place)
{
	struct claim claim = {};
	struct arp_ipv4 message;

	if (load(place, offsetof(struct ethhdr, h_source), claim.ether_source, ETH_ALEN) ||
	    load(place, place->offset, &message, sizeof(message)))
		return count(SNOOP_OUTCOME_ARP_TRUNCATED);
	if (message.hardware != bpf_htons(ARPHRD_ETHER) || message.protocol != bpf_htons(ETH_P_IP) ||
	    message.hardware_length != ETH_ALEN || message.protocol_length != sizeof(message.sender_ip))
		return count(SNOOP_OUTCOME_ARP_NOT_ETHERNET_IPV4);

	if (message.operation == bpf_htons(ARPOP_REQUEST))
		claim.kind = SNOOP_KIND_ARP_REQUEST;
	else if (message.operation == bpf_htons(ARPOP_REPLY))
		claim.kind = SNOOP_KIND_ARP_REPLY;
	else
		return count(SNOOP_OUTCOME_ARP_OTHER_OPERATION);

	claim.family = SNOOP_FAMILY_IPV4;
	__builtin_memcpy(claim.mac, message.sender_mac, ETH_ALEN);
	__builtin_memcpy(claim.ip, message.sender_ip, sizeof(message.sender_ip));
	switch (claim.ip[0]) {
	case 0:
		if (claim.ip[1] | claim.ip[2] | claim.ip[3])
			break;
		return count(claim.kind == SNOOP_KIND_ARP_REQUEST ? SNOOP_OUTCOME_ARP_PROBE :
								    SNOOP_OUTCOME_IP_UNSPECIFIED);
	case 127:
		return count(SNOOP_OUTCOME_IP_LOOPBACK);
	case 224 ... 239:
		return count(SNOOP_OUTCOME_IP_MULTICAST);
	case 255:
		if ((claim.ip[1] & claim.ip[2] & claim.ip[3]) == 255)
			return count(SNOOP_OUTCOME_IP_BROADCAST);
	}
	return pass(place, &claim);
}

static __always_inline int checksum_is_right(__u64 sum)
{
	for (int i = 0; i < 3; i++)
		sum = (sum & 0xffffffff) + (sum >> 32);
	for (int i = 0; i < 3; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/*
 * Reads the options: the first target link-layer address goes to `mac`, all bytes are added to `sum`.
 * Returns 1 if there was one, 0 if not, -1 if the options are malformed.
 */
static __always_inline int options(const struct place *place, __u32 length, __u8 *mac, __u64 *sum)
{
	__u32 units = length / sizeof(union nd_unit), to_next = 0;
	int found = 0;
	union nd_unit unit;

	for (__u32 i = 0; i < SNOOP_NA_OPTIONS_MAX / sizeof(unit); i++) {
		if (i >= units)
			break;
		if (load(place, place->offset + sizeof(union ipv6_na) + i * sizeof(unit), &unit, sizeof(unit)))
			return -1;
		*sum += (__u64)unit.words[0] + unit.words[1];
		if (to_next) {
			to_next--;
			continue;
		}
		if (unit.length == 0)
			return -1;
		to_next = unit.length - 1;
		if (unit.type != ND_OPT_TARGET_LINKADDR || found)
			continue;
		if (unit.length != 1)
			return -1;
		__builtin_memcpy(mac, unit.mac, ETH_ALEN);
		found = 1;
	}
	return to_next ? -1 : found;
}

static __always_inline int target_outcome(const __u8 *target)
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
static __always_inline int neighbor_advert(const struct place *place)
{
	struct claim claim = {};
	__u32 length, option_bytes, outcome;
	union ipv6_na message;
	int to_multicast, found;
	__u64 sum;

	if (load(place, offsetof(struct ethhdr, h_source), claim.ether_source, ETH_ALEN) ||
	    load(place, place->offset, &message, sizeof(message)))
		return count(SNOOP_OUTCOME_NA_TRUNCATED);
	if (message.ip.version != 6)
		return count(SNOOP_OUTCOME_IPV6_MALFORMED);
	length = bpf_ntohs(message.ip.payload_len);
	if (length < sizeof(message.na) || place->skb->len < place->offset + sizeof(message.ip) + length)
		return count(SNOOP_OUTCOME_NA_TRUNCATED);
	if (message.ip.hop_limit != ND_HOP_LIMIT)
		return count(SNOOP_OUTCOME_NA_HOP_LIMIT);
	if (message.na.code != 0)
		return count(SNOOP_OUTCOME_NA_CODE);

	option_bytes = length - sizeof(message.na);
	if (option_bytes > SNOOP_NA_OPTIONS_MAX || option_bytes % sizeof(union nd_unit))
		return count(SNOOP_OUTCOME_NA_OPTIONS);
	sum = (__u64)bpf_htonl(length) + bpf_htonl(IPPROTO_ICMPV6);
	for (__u32 i = offsetof(struct ipv6hdr, saddr) / 4; i < sizeof(message) / 4; i++)
		sum += message.words[i];
	found = options(place, option_bytes, claim.mac, &sum);
	if (found < 0)
		return count(SNOOP_OUTCOME_NA_OPTIONS);
	if (!checksum_is_right(sum))
		return count(SNOOP_OUTCOME_NA_CHECKSUM);

	claim.kind = SNOOP_KIND_NA;
	claim.family = SNOOP_FAMILY_IPV6;
	claim.na_flags = message.na.flags & (SNOOP_NA_ROUTER | SNOOP_NA_SOLICITED | SNOOP_NA_OVERRIDE);
	to_multicast = message.ip.daddr.s6_addr[0] == 0xff;
	if (to_multicast && (claim.na_flags & SNOOP_NA_SOLICITED))
		return count(SNOOP_OUTCOME_NA_SOLICITED_MULTICAST);
	outcome = target_outcome(message.na.target);
	if (outcome != SNOOP_OUTCOME_PASSED)
		return count(outcome);
	if (!found) {
		/* RFC 4861, 4.4: may be left out only where the solicitation was unicast, so the asker knew the MAC. */
		if (to_multicast || !(claim.na_flags & SNOOP_NA_SOLICITED))
			return count(SNOOP_OUTCOME_NA_NO_MAC);
		__builtin_memcpy(claim.mac, claim.ether_source, ETH_ALEN);
	}
	__builtin_memcpy(claim.ip, message.na.target, sizeof(claim.ip));
	return pass(place, &claim);
}

static __always_inline int ipv6(const struct place *place)
{
	__u8 next_header, type;

	if (load_byte(place, offsetof(struct ipv6hdr, nexthdr), &next_header))
		return count(SNOOP_OUTCOME_IPV6_MALFORMED);
	switch (next_header) {
	case IPPROTO_ICMPV6:
		break;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		return count(SNOOP_OUTCOME_IPV6_EXTENSION);
	default:
		return CONTINUE;
	}
	if (load_byte(place, sizeof(struct ipv6hdr), &type))
		return count(SNOOP_OUTCOME_IPV6_MALFORMED);
	return type == ND_NEIGHBOR_ADVERT ? neighbor_advert(place) : count(SNOOP_OUTCOME_ICMPV6_OTHER);
}

/* A tag of VLAN 0 only carries a priority: the frame counts as untagged (802.1Q, 6.9.1). */
static __always_inline void enter_vlan(struct place *place, __u16 tci, __be16 proto)
{
	if (!(tci & VLAN_ID_MASK))
		return;
	place->vlan = bpf_htons(tci & VLAN_ID_MASK);
	place->vlan_proto = proto;
}

static __always_inline int is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

SEC("tc")
int snoop(struct __sk_buff *skb)
{
	struct place place = { .skb = skb, .offset = ETH_HLEN };
	__be16 protocol = skb->protocol;

	/* The kernel has moved the outer tag of a frame it received into the skb; one still in the frame is then inner. */
	if (skb->vlan_present)
		enter_vlan(&place, skb->vlan_tci, skb->vlan_proto);
	if (is_vlan(protocol)) {
		struct {
			__be16 tci;
			__be16 protocol;
		} tag;

		if (bpf_skb_load_bytes(skb, ETH_HLEN, &tag, sizeof(tag)))
			return count(SNOOP_OUTCOME_VLAN_TRUNCATED);
		if (skb->vlan_present || is_vlan(tag.protocol))
			return count(SNOOP_OUTCOME_DOUBLE_TAGGED);
		enter_vlan(&place, bpf_ntohs(tag.tci), protocol);
		place.offset += sizeof(tag);
		protocol = tag.protocol;
	}

	if (protocol == bpf_htons(ETH_P_ARP))
		return arp(&place);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return ipv6(&place);
	return CONTINUE;
}

char dual_license[] SEC("license") = "Dual BSD/GPL";
