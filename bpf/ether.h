/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The Ethernet header of a frame, and what tc programs return. */
#ifndef MACIPD_ETHER_H
#define MACIPD_ETHER_H

#include <stddef.h>
#include <bpf/bpf_endian.h>
#include "place.h"
#include "scratch.h"

/* TCX_NEXT and TC_ACT_UNSPEC: the next program or filter decides. */
#define CONTINUE (-1)

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/* Copies the bytes out, because the skb may be non-linear and pulling would change it. */
static __always_inline int load_ether_source(struct __sk_buff *skb, struct percpu_scratch *scratch)
{
	__u32 offset = frame_offset(scratch) + offsetof(struct ethhdr, h_source);

	return bpf_skb_load_bytes(skb, offset, scratch->ether_source, ETH_ALEN);
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

#endif
