/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What is around a frame in a tunnel: Ethernet, IPv4 or IPv6, UDP, VXLAN. */
#ifndef MACIPD_OUTER_H
#define MACIPD_OUTER_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include "address.h"
#include "ether.h"
#include "nd.h"
#include "scratch.h"
#include "tunnel.h"

#define VLAN_HLEN 4
#define IPV4_OFFSET_MASK 0x1fff
#define IPV4_MORE_FRAGMENTS 0x2000
/* A header of 20 bytes, which has no options, begins with this. */
#define IPV4_WITHOUT_OPTIONS 0x45
/*
 * The I flag, and no other bit: the kernel's vxlan driver drops what has one unless an extension that it knows is
 * configured (drivers/net/vxlan/vxlan_core.c, vxlan_rcv), such as VXLAN-GPE, in which another frame follows.
 */
#define VXLAN_FLAGS 0x08000000
#define VXLAN_RESERVED 0xff

static __always_inline bool is_vxlan_port(__be16 port)
{
	bool found = false;

#pragma unroll
	for (int i = 0; i < VXLAN_UDP_PORTS; i++)
		found |= port == vxlan_config.udp_ports[i];
	return found;
}

/*
 * These four say whether the linear part suffices to see that a packet is not of interest, which is true for most. All
 * offsets are constants, because without CAP_PERFMON the verifier allows no others in direct access.
 */
static __always_inline bool is_other_frame(const __u8 *packet, const __u8 *end, const __u32 frame)
{
	__be16 protocol;

	if (packet + frame + ETH_HLEN > end)
		return false;
	protocol = *(const __be16 *)(packet + frame + offsetof(struct ethhdr, h_proto));
	if (protocol == bpf_htons(ETH_P_IPV6))
		return is_other_ipv6(packet, end, frame);
	return protocol != bpf_htons(ETH_P_ARP) && !is_vlan(protocol);
}

static __always_inline bool is_other_udp(const __u8 *packet, const __u8 *end, const __u32 udp)
{
	if (packet + udp + sizeof(struct udphdr) > end)
		return false;
	return !is_vxlan_port(*(const __be16 *)(packet + udp + offsetof(struct udphdr, dest))) ||
	       is_other_frame(packet, end, udp + sizeof(struct udphdr) + sizeof(struct vxlan_header));
}

static __always_inline bool is_other_outer_ipv4(const __u8 *packet, const __u8 *end)
{
	const struct iphdr *ip = (const struct iphdr *)(packet + ETH_HLEN);

	if (packet + ETH_HLEN + sizeof(*ip) > end)
		return false;
	if (ip->protocol != IPPROTO_UDP || (ip->frag_off & bpf_htons(IPV4_OFFSET_MASK)))
		return true;
	return packet[ETH_HLEN] == IPV4_WITHOUT_OPTIONS && is_other_udp(packet, end, ETH_HLEN + sizeof(*ip));
}

static __always_inline bool is_other_outer_ipv6(const __u8 *packet, const __u8 *end)
{
	const struct ipv6hdr *ip = (const struct ipv6hdr *)(packet + ETH_HLEN);

	if (packet + ETH_HLEN + sizeof(*ip) > end)
		return false;
	return ip->nexthdr != IPPROTO_UDP || is_other_udp(packet, end, ETH_HLEN + sizeof(*ip));
}

static __always_inline void map_ipv4(__u8 *mapped, __be32 ip)
{
	__be32 *words = (__be32 *)mapped;

	words[0] = words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = ip;
}

/* These two return the offset behind the IP header; 0 if the packet is not VXLAN for a reason that is not counted. */
static __always_inline __u32 outer_ipv4(struct __sk_buff *skb, struct percpu_scratch *scratch, __u32 offset)
{
	struct outer *outer = &scratch->outer;
	__u32 length;

	if (bpf_skb_load_bytes(skb, offset, &outer->ipv4, sizeof(outer->ipv4)))
		return 0;
	length = outer->ipv4.ihl * 4;
	if (outer->ipv4.version != 4 || length < sizeof(outer->ipv4) || outer->ipv4.protocol != IPPROTO_UDP ||
	    (outer->ipv4.frag_off & bpf_htons(IPV4_OFFSET_MASK)))
		return 0;
	outer->is_fragment = (outer->ipv4.frag_off & bpf_htons(IPV4_MORE_FRAGMENTS)) != 0;
	outer->end = offset + bpf_ntohs(outer->ipv4.tot_len);
	outer->is_host = ipv4_outcome((const __u8 *)&outer->ipv4.saddr) == SNOOP_OUTCOME_PASSED;
	map_ipv4(outer->destination, outer->ipv4.daddr);
	map_ipv4(scratch->key.place.vtep, outer->ipv4.saddr);
	outer->source.prefix_length = 32 + 32;
	outer->source.family = bpf_htonl(SNOOP_FAMILY_IPV4);
	__builtin_memset(outer->source.ip, 0, sizeof(outer->source.ip));
	__builtin_memcpy(outer->source.ip, &outer->ipv4.saddr, sizeof(outer->ipv4.saddr));
	return offset + length;
}

static __always_inline __u32 outer_ipv6(struct __sk_buff *skb, struct percpu_scratch *scratch, __u32 offset)
{
	struct outer *outer = &scratch->outer;

	if (bpf_skb_load_bytes(skb, offset, &outer->ipv6, sizeof(outer->ipv6)))
		return 0;
	if (outer->ipv6.version != 6 || outer->ipv6.nexthdr != IPPROTO_UDP)
		return 0;
	outer->is_fragment = false;
	outer->end = offset + sizeof(outer->ipv6) + bpf_ntohs(outer->ipv6.payload_len);
	outer->is_host = ipv6_outcome(outer->ipv6.saddr.s6_addr32) == SNOOP_OUTCOME_PASSED;
	__builtin_memcpy(outer->destination, &outer->ipv6.daddr, sizeof(outer->destination));
	__builtin_memcpy(scratch->key.place.vtep, &outer->ipv6.saddr, sizeof(scratch->key.place.vtep));
	outer->source.prefix_length = 32 + 128;
	outer->source.family = bpf_htonl(SNOOP_FAMILY_IPV6);
	__builtin_memcpy(outer->source.ip, &outer->ipv6.saddr, sizeof(outer->source.ip));
	return offset + sizeof(outer->ipv6);
}

/*
 * Reads UDP, VXLAN and the Ethernet header of the frame. What the kernel's IP and UDP would not take is refused; it cuts
 * off what is beyond the end of UDP. A first fragment is shorter than UDP says.
 */
static __always_inline __u32 outer_udp(struct __sk_buff *skb, struct percpu_scratch *scratch, __u32 offset)
{
	struct outer *outer = &scratch->outer;
	__u32 end;

	if (bpf_skb_load_bytes(skb, offset, &outer->udp, sizeof(outer->udp)) || !is_vxlan_port(outer->udp.dest))
		return NOT_COUNTED;
	end = offset + bpf_ntohs(outer->udp.len);
	if (outer->end > skb->len || (end > outer->end && !outer->is_fragment))
		return VXLAN_OUTCOME_OUTER_MALFORMED;
	if (end < outer->end)
		outer->end = end;
	offset += sizeof(outer->udp);
	outer->frame = offset + sizeof(outer->vxlan);
	if (outer->end < outer->frame || bpf_skb_load_bytes(skb, offset, &outer->vxlan, sizeof(outer->vxlan)))
		return VXLAN_OUTCOME_OUTER_MALFORMED;
	if (outer->vxlan.flags != bpf_htonl(VXLAN_FLAGS) || (outer->vxlan.vni & bpf_htonl(VXLAN_RESERVED)))
		return VXLAN_OUTCOME_HEADER_OTHER;
	scratch->key.place.vni = bpf_htonl(bpf_ntohl(outer->vxlan.vni) >> 8);
	if (outer->end < outer->frame + ETH_HLEN ||
	    bpf_skb_load_bytes(skb, outer->frame, &outer->ether, sizeof(outer->ether)))
		return VXLAN_OUTCOME_INNER_TRUNCATED;
	return SNOOP_OUTCOME_PASSED;
}

/* Reads everything up to the frame in the tunnel; NOT_COUNTED if there is none. */
static __always_inline __u32 outer(struct __sk_buff *skb, struct percpu_scratch *scratch, __be16 protocol)
{
	__u32 offset = ETH_HLEN;

#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (!is_vlan(protocol))
			continue;
		if (bpf_skb_load_bytes(skb, offset, &scratch->tag, sizeof(scratch->tag)))
			return NOT_COUNTED;
		offset += VLAN_HLEN;
		protocol = scratch->tag.protocol;
	}
	if (protocol == bpf_htons(ETH_P_IP))
		offset = outer_ipv4(skb, scratch, offset);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		offset = outer_ipv6(skb, scratch, offset);
	else
		return NOT_COUNTED;
	return offset ? outer_udp(skb, scratch, offset) : NOT_COUNTED;
}

#endif
