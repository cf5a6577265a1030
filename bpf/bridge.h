/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * With snoop_config.heed_filters, a claim waits until the bridge has let its frame through. The bridge calls
 * br_handle_frame_finish for a frame that its filters before forwarding (hook prerouting) have let pass, and comes back
 * from there when the frame has passed or failed those of each port that it goes to (hook forward). All of that happens
 * on one CPU within the call that ran the tc program, so the claim stays in the scratch space meanwhile.
 *
 * A frame that is let through to some port teaches; so does one that no filter dropped, although there may be no port
 * for it. What is queued to a program (NFQUEUE) does not.
 *
 * These programs need Linux 5.18 with BTF, CAP_PERFMON, and CAP_SYS_ADMIN if the bridge is a module. They are loaded
 * only if filters are heeded, because all bridged frames pass them.
 */
#ifndef MACIPD_BRIDGE_H
#define MACIPD_BRIDGE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "report.h"
#include "scratch.h"

/* The kernel's own structures, of which libbpf finds the fields by name. */
struct net_device {
	int ifindex;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct net_device *dev;
	unsigned char *head;
	__u16 mac_header;
} __attribute__((preserve_access_index));

enum skb_drop_reason {
	SKB_DROP_REASON_NETFILTER_DROP = 1, /* libbpf finds the kernel's number */
};

static __always_inline struct percpu_scratch *scratch_in(enum snoop_stage stage)
{
	__u32 zero = 0;
	struct percpu_scratch *scratch = bpf_map_lookup_elem(&percpu_scratch, &zero);

	return scratch && scratch->stage == stage ? scratch : NULL;
}

/* Tells user space of a claim, or that a filter dropped its frame. */
static __noinline void settle(struct percpu_scratch *scratch)
{
	bool passed = scratch->stage == SNOOP_STAGE_BRIDGED && (scratch->forwarded || !scratch->dropped);
	__u32 outcome;

	scratch->stage = SNOOP_STAGE_NONE;
	scratch->outcome = passed ? pass(scratch) : refuse(scratch, SNOOP_OUTCOME_FILTERED);
	outcome = scratch->outcome;
	if (outcome < SNOOP_OUTCOME_COUNT)
		scratch->counters[outcome]++;
}

/* A frame that something else dropped between the port and the bridge leaves its claim behind. */
static __always_inline bool is_frame_of(const struct percpu_scratch *scratch, const struct sk_buff *skb)
{
	const unsigned char *frame = skb->head + skb->mac_header;
	const unsigned char *packet = frame + scratch->packet_offset;
	__u8 source[ETH_ALEN], differing = 0, next_header, type;
	__be16 protocol;

	if (bpf_htonl(skb->dev->ifindex) != scratch->key.place.ifindex)
		return false;
	if (bpf_probe_read_kernel(source, sizeof(source), frame + offsetof(struct ethhdr, h_source)) ||
	    bpf_probe_read_kernel(&protocol, sizeof(protocol), packet - sizeof(protocol)))
		return false;
	for (int i = 0; i < ETH_ALEN; i++)
		differing |= source[i] ^ scratch->ether_source[i];
	if (differing)
		return false;
	if (scratch->key.family == SNOOP_FAMILY_IPV4)
		return protocol == bpf_htons(ETH_P_ARP);
	if (bpf_probe_read_kernel(&next_header, 1, packet + offsetof(struct ipv6hdr, nexthdr)) ||
	    bpf_probe_read_kernel(&type, 1, packet + sizeof(struct ipv6hdr)))
		return false;
	return protocol == bpf_htons(ETH_P_IPV6) && next_header == IPPROTO_ICMPV6 && type == scratch->icmpv6_type;
}

/* int br_handle_frame_finish(struct net *net, struct sock *sk, struct sk_buff *skb) */
SEC("?fentry/br_handle_frame_finish")
int bridge_takes(__u64 *arguments)
{
	struct percpu_scratch *scratch = scratch_in(SNOOP_STAGE_PORT);

	if (scratch && is_frame_of(scratch, (const struct sk_buff *)arguments[2])) {
		scratch->dropped = scratch->forwarded = false;
		scratch->stage = SNOOP_STAGE_BRIDGED;
	}
	return 0;
}

/* int br_forward_finish(struct net *net, struct sock *sk, struct sk_buff *skb) */
SEC("?fentry/br_forward_finish")
int bridge_forwards(__u64 *arguments)
{
	struct percpu_scratch *scratch = scratch_in(SNOOP_STAGE_BRIDGED);

	(void)arguments;
	if (scratch)
		scratch->forwarded = true;
	return 0;
}

/* kfree_skb(struct sk_buff *skb, void *location, enum skb_drop_reason reason, ...) */
SEC("?tp_btf/kfree_skb")
int filter_drops(__u64 *arguments)
{
	struct percpu_scratch *scratch = scratch_in(SNOOP_STAGE_BRIDGED);

	if (scratch && arguments[2] == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NETFILTER_DROP))
		scratch->dropped = true;
	return 0;
}

SEC("?fexit/br_handle_frame_finish")
int bridge_is_done(__u64 *arguments)
{
	struct percpu_scratch *scratch = scratch_in(SNOOP_STAGE_BRIDGED);

	(void)arguments;
	if (scratch)
		settle(scratch);
	return 0;
}

#endif
