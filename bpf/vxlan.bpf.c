// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * Examines every packet that a device of the underlay receives, and reports to user space those that carry, in VXLAN
 * (RFC 7348), a frame in which a host claims an IP address or asks whether one is free, as snoop.bpf.c does for ports. A
 * packet is never dropped, changed or delayed.
 *
 * It works with TCX and clsact, on Linux 5.15 and later, with CAP_BPF and CAP_NET_ADMIN alone.
 */
#define SNOOP_VXLAN
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include "arp.h"
#include "ether.h"
#include "nd.h"
#include "outer.h"
#include "report.h"
#include "tunnel.h"

static __always_inline __u32 look(struct __sk_buff *skb, struct percpu_scratch *scratch, __be16 protocol)
{
	__u32 outcome = outer(skb, scratch, protocol), offset;

	if (outcome != SNOOP_OUTCOME_PASSED)
		return outcome;
	protocol = scratch->outer.ether.h_proto;
	if (protocol != bpf_htons(ETH_P_ARP) && protocol != bpf_htons(ETH_P_IPV6) && !is_vlan(protocol))
		return NOT_COUNTED;
	outcome = filter(scratch);
	if (outcome != SNOOP_OUTCOME_PASSED)
		return outcome;
	if (!scratch->outer.is_host)
		return VXLAN_OUTCOME_SOURCE_OTHER;
	if (is_vlan(protocol))
		return VXLAN_OUTCOME_INNER_TAGGED;
	offset = scratch->outer.frame + ETH_HLEN;
	/* Here and not in arp(), because there it would be a branch too many for the verifier of Linux 6.1 and snoop.bpf.c. */
	if (protocol == bpf_htons(ETH_P_ARP) && is_cut_off(skb, scratch, offset + sizeof(scratch->arp)))
		return SNOOP_OUTCOME_ARP_TRUNCATED;
	outcome = protocol == bpf_htons(ETH_P_ARP) ? arp(skb, scratch, offset) : ipv6(skb, scratch, offset);
	if (outcome != SNOOP_OUTCOME_PASSED)
		return outcome;
	scratch->now.at = bpf_ktime_get_coarse_ns();
	return pass(scratch);
}

static __always_inline void look_and_count(struct __sk_buff *skb, __be16 protocol)
{
	__u32 zero = 0, outcome;
	struct percpu_scratch *scratch = bpf_map_lookup_elem(&percpu_scratch, &zero);

	if (!scratch)
		return;
	scratch->outcome = look(skb, scratch, protocol);
	outcome = scratch->outcome;
	if (outcome < VXLAN_OUTCOME_COUNT)
		scratch->counters[outcome]++;
}

SEC("tc")
int vxlan(struct __sk_buff *skb)
{
	const __u8 *packet = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
	__be16 protocol = skb->protocol;

	if ((protocol == bpf_htons(ETH_P_IP) && !is_other_outer_ipv4(packet, end)) ||
	    (protocol == bpf_htons(ETH_P_IPV6) && !is_other_outer_ipv6(packet, end)) || is_vlan(protocol))
		look_and_count(skb, protocol);
	return CONTINUE;
}

char dual_license[] SEC("license") = "Dual BSD/GPL";
