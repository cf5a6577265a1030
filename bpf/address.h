/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Which addresses a host can have. */
#ifndef MACIPD_ADDRESS_H
#define MACIPD_ADDRESS_H

#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include "snoop.h"

static __always_inline bool mac_is_zero(const __u8 *mac)
{
	return !(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

static __always_inline bool mac_is_multicast(const __u8 *mac)
{
	return mac[0] & 1;
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

#endif
