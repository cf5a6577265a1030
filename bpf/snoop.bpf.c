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
#include "arp.h"
#include "bridge.h"
#include "nd.h"
#include "port.h"
#include "report.h"

#define VLAN_ID_MASK 0x0fff

/* A tag with VLAN 0 only carries a priority, so the frame counts as untagged (802.1Q, 6.9.1). */
static __always_inline void enter_vlan(struct percpu_scratch *scratch, __u16 tci, __be16 proto)
{
	__u16 vlan = tci & VLAN_ID_MASK;

	scratch->key.place.vlan = bpf_htons(vlan);
	scratch->key.place.vlan_proto = vlan ? proto : 0;
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

	scratch->key.place.ifindex = bpf_htonl(skb->ifindex);
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
	if (outcome != SNOOP_OUTCOME_PASSED)
		return is_told(outcome) ? refuse(scratch, outcome) : outcome;
	scratch->now.at = bpf_ktime_get_coarse_ns();
	if (!config.heed_filters)
		return pass(scratch);
	scratch->packet_offset = offset;
	scratch->stage = SNOOP_STAGE_PORT;
	return NOT_COUNTED;
}

static __always_inline void look_and_count(struct __sk_buff *skb, __be16 protocol)
{
	__u32 zero = 0, outcome;
	struct percpu_scratch *scratch = bpf_map_lookup_elem(&percpu_scratch, &zero);

	if (!scratch)
		return;
	if (scratch->stage != SNOOP_STAGE_NONE)
		settle(scratch);
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
	    (protocol == bpf_htons(ETH_P_IPV6) &&
	     !is_other_ipv6((const __u8 *)(long)skb->data, (const __u8 *)(long)skb->data_end, 0)))
		look_and_count(skb, protocol);
	return CONTINUE;
}

char dual_license[] SEC("license") = "Dual BSD/GPL";
