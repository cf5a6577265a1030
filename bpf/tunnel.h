/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Frames in tunnels: which are wanted, at which rate of each VTEP and of all; what is refused is only counted. */
#ifndef MACIPD_TUNNEL_H
#define MACIPD_TUNNEL_H

#include <bpf/bpf_helpers.h>
#include "place.h"
#include "rate.h"
#include "report.h"
#include "vxlan.h"

struct vxlan_config vxlan_config SEC(".data.vxlan");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VXLAN_VNIS_MAX);
	__type(key, __be32);
	__type(value, __u64);
} vnis SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VXLAN_DESTINATIONS_MAX);
	__type(key, __u8[16]);
	__type(value, __u64);
} destinations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VXLAN_SOURCES_MAX);
	__type(key, struct vxlan_source);
	__type(value, __u64);
} sources SEC(".maps");

/* Theoretical arrival time of each VTEP. Sources may be forged, so the least recently used ones are forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u8[16]);
	__type(value, __u64);
} vteps SEC(".maps");

/* Theoretical arrival time of all VTEPs together. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} total SEC(".maps");

static __always_inline __u32 frame_offset(const struct percpu_scratch *scratch)
{
	return scratch->outer.frame;
}

static __always_inline bool is_cut_off(struct __sk_buff *skb, const struct percpu_scratch *scratch, __u32 end)
{
	(void)skb;
	return scratch->outer.end < end;
}

static __always_inline __u64 forget_before(const struct percpu_scratch *scratch)
{
	return scratch->outer.since;
}

/* Whoever asks wants to hear each answer. */
static __always_inline bool is_awaited(const struct percpu_scratch *scratch)
{
	__u8 differing = 0;

	if (!vxlan_config.has_asker || (scratch->kind != SNOOP_KIND_ARP_REPLY && scratch->kind != SNOOP_KIND_NA))
		return false;
	for (int i = 0; i < ETH_ALEN; i++)
		differing |= scratch->outer.ether.h_dest[i] ^ vxlan_config.asker[i];
	return !differing;
}

/* A record counts against both limits, or against none. */
static __always_inline __u32 charge(const struct percpu_scratch *scratch, __u64 now)
{
	__u64 interval = config.rate_interval, total_interval = vxlan_config.total_rate_interval;
	__u64 *vtep = NULL, *all = NULL, tat = 0, total_tat = 0;
	__u32 zero = 0;

	if (interval) {
		vtep = bpf_map_lookup_elem(&vteps, scratch->key.place.vtep);
		tat = next_tat(vtep ? *vtep : 0, now, interval, config.rate_burst);
		if (!tat)
			return SNOOP_OUTCOME_RATE_LIMITED;
	}
	if (total_interval) {
		all = bpf_map_lookup_elem(&total, &zero);
		if (!all)
			return VXLAN_OUTCOME_TOTAL_RATE_LIMITED;
		total_tat = next_tat(*all, now, total_interval, vxlan_config.total_rate_burst);
		if (!total_tat)
			return VXLAN_OUTCOME_TOTAL_RATE_LIMITED;
		*all = total_tat;
	}
	if (interval)
		bpf_map_update_elem(&vteps, scratch->key.place.vtep, &tat, BPF_ANY);
	return SNOOP_OUTCOME_PASSED;
}

static __noinline enum snoop_outcome refuse(struct percpu_scratch *scratch, enum snoop_outcome outcome)
{
	(void)scratch;
	return outcome;
}

/* Takes the time since when an entry of a filter has been there. */
static __always_inline void limit_since(struct percpu_scratch *scratch, __u64 since)
{
	if (scratch->outer.since < since)
		scratch->outer.since = since;
}

/* Whether user space wants to hear of this VNI, between these two addresses. */
static __always_inline __u32 filter(struct percpu_scratch *scratch)
{
	__u64 *found;

	scratch->outer.since = 0;
	found = bpf_map_lookup_elem(&vnis, &scratch->key.place.vni);
	if (!found)
		return VXLAN_OUTCOME_VNI_OTHER;
	limit_since(scratch, *found);
	found = bpf_map_lookup_elem(&destinations, scratch->outer.destination);
	if (!found)
		return VXLAN_OUTCOME_DESTINATION_OTHER;
	limit_since(scratch, *found);
	found = bpf_map_lookup_elem(&sources, &scratch->outer.source);
	if (!found)
		return VXLAN_OUTCOME_SOURCE_OTHER;
	limit_since(scratch, *found);
	return SNOOP_OUTCOME_PASSED;
}

#endif
