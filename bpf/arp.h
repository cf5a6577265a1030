/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The claim of an ARP frame. */
#ifndef MACIPD_ARP_H
#define MACIPD_ARP_H

#include <bpf/bpf_endian.h>
#include "address.h"
#include "ether.h"
#include "scratch.h"

#define ARPHRD_ETHER 1
#define ARPOP_REQUEST 1
#define ARPOP_REPLY 2

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

#endif
