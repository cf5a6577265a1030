/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The claim of a message of IPv6 neighbour discovery. */
#ifndef MACIPD_ND_H
#define MACIPD_ND_H

#include <linux/in.h>
#include <linux/in6.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include "address.h"
#include "ether.h"
#include "scratch.h"

#define ND_ROUTER_ADVERT 134
#define ND_NEIGHBOR_SOLICIT 135
#define ND_NEIGHBOR_ADVERT 136
#define ND_OPT_SOURCE_LINKADDR 1
#define ND_OPT_TARGET_LINKADDR 2
#define ND_HOP_LIMIT 255

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
	if (length < message || is_cut_off(skb, scratch, offset + sizeof(nd->ip) + length))
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

/*
 * Whether the linear part suffices to see that what follows the Ethernet header at `frame` + `offset`, a constant, is
 * IPv6 that is not of interest, which is true for most frames.
 */
static __always_inline bool is_other_ipv6(const __u8 *frame, const __u8 *end, const __u32 offset)
{
	const __u32 next_header = offset + ETH_HLEN + offsetof(struct ipv6hdr, nexthdr);

	return frame + next_header + 1 <= end && frame[next_header] != IPPROTO_ICMPV6 &&
	       !is_extension(frame[next_header]);
}

#endif
