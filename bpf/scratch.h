/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The maps that both programs have, and what is known of the frame being examined. */
#ifndef MACIPD_SCRATCH_H
#define MACIPD_SCRATCH_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include "snoop.h"
#include "vxlan.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

/* Beyond all outcomes of either program. */
#define NOT_COUNTED ((enum snoop_outcome)~0U)

struct snoop_config config;

/* When a key was last reported to user space, and with which marks. */
struct seen {
	__u64 at; /* ns, coarse CLOCK_MONOTONIC */
	__u64 marks;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
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

/* RFC 4861, 4.3 and 4.4. */
struct neighbor_message {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__u8 flags; /* enum snoop_na_flag */
	__u8 reserved[3];
	__be32 target[4];
};

/* RFC 4861, 4.2. */
struct router_advert {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__u8 hop_limit;
	__u8 flags;
	__be16 lifetime;
	__be32 reachable;
	__be32 retransmit;
};

union ipv6_nd {
	struct {
		struct ipv6hdr ip;
		union {
			struct neighbor_message neighbor;
			struct router_advert router;
		};
	};
	__u32 words[16];
};

/* ND options come in units of 8 bytes; a link-layer address option of Ethernet has exactly one. */
union nd_unit {
	struct {
		__u8 type;
		__u8 length; /* in units */
		__u8 mac[ETH_ALEN];
	};
	__u32 words[2];
};

/* Where the frame of a claim is in the bridge. */
enum snoop_stage {
	SNOOP_STAGE_NONE, /* no claim waits */
	SNOOP_STAGE_PORT,
	SNOOP_STAGE_BRIDGED,
};

/* RFC 7348, 5. */
struct vxlan_header {
	__be32 flags;
	__be32 vni; /* in the upper 24 bits */
};

/* What is around the frame; only vxlan.bpf.c uses it, see outer.h. */
struct outer {
	union {
		struct iphdr ipv4;
		struct ipv6hdr ipv6;
	};
	struct udphdr udp;
	struct vxlan_header vxlan;
	__u8 destination[16]; /* IPv4 is mapped to IPv6, as in struct snoop_tunnel_place */
	struct vxlan_source source;
	struct ethhdr ether; /* of the frame in the tunnel */
	__u32 frame; /* offset of that frame */
	__u32 end; /* offset of its end */
	__u32 is_fragment; /* the first one: UDP goes on in others */
	__u32 is_host; /* the source is no address that a VTEP cannot have */
	__u64 since; /* ns, CLOCK_MONOTONIC: when user space began to want what this is about */
};

/*
 * The counters of a CPU, and its scratch space for the frame being examined. There is only one at a time, because
 * softirqs do not nest. It is not on the stack because without CAP_PERFMON the verifier puts a speculation barrier
 * behind almost every write there, which doubles the time for an ARP frame.
 */
struct percpu_scratch {
	__u64 counters[VXLAN_OUTCOME_COUNT]; /* snoop.bpf.c needs fewer */
	/*
	 * It is read back as an index: without CAP_PERFMON the verifier rejects an index that is constant on each path.
	 */
	volatile __u32 outcome;
	/* the claim of the frame */
	struct snoop_key key;
	__u8 ether_source[ETH_ALEN];
	__u8 kind;
	__u8 na_flags;
	struct seen now;
	/* the parts of the frame that were read */
	struct {
		__be16 tci;
		__be16 protocol;
	} tag;
	__u8 next_header;
	__u8 icmpv6_type;
	struct arp_ipv4 arp;
	union ipv6_nd nd;
	union nd_unit option;
	__u64 sum; /* of the ND message's 32-bit words */
	__u32 offset; /* of the next unit of options */
	__u32 units; /* of options left */
	__u32 to_next; /* units until the next option begins */
	__u32 mac_option; /* type of the one that names the MAC */
	__u32 found_mac;
	/* a claim that waits until the bridge has let its frame through: see bridge.h */
	__u32 stage; /* enum snoop_stage */
	__u32 packet_offset; /* of the ARP or IPv6 header in its frame */
	__u32 forwarded;
	__u32 dropped;
	struct outer outer;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct percpu_scratch);
} percpu_scratch SEC(".maps");

#endif
