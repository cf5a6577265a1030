/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What user space is told of a frame, and how often. */
#ifndef MACIPD_REPORT_H
#define MACIPD_REPORT_H

#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include "address.h"
#include "place.h"
#include "scratch.h"

static __always_inline bool is_probe(const struct percpu_scratch *scratch)
{
	return scratch->kind == SNOOP_KIND_ARP_PROBE || scratch->kind == SNOOP_KIND_DAD_NS;
}

/* The marks in `seen`, in addition to the flags of an NA. */
#define MARK_DIFFERING 1 /* the frame's source is not the MAC */
#define MARK_PROBE 2

/* A change of these marks is news even within the repeat interval. `last`: the previous marks, 0 if there are none. */
static __always_inline __u64 marks(const struct percpu_scratch *scratch, __u64 last)
{
	__u8 differing = 0;
	__u64 marks;

	for (int i = 0; i < ETH_ALEN; i++)
		differing |= scratch->key.mac[i] ^ scratch->ether_source[i];
	marks = scratch->na_flags & (SNOOP_NA_ROUTER | SNOOP_NA_OVERRIDE);
	if (differing)
		marks |= MARK_DIFFERING;
	if (is_probe(scratch))
		marks |= MARK_PROBE;
	/* An RA and an NS override what was known (RFC 4861, 6.3.4 and 7.2.3). An NS does not say who is a router. */
	if (scratch->kind == SNOOP_KIND_RA || scratch->kind == SNOOP_KIND_NS)
		marks |= SNOOP_NA_OVERRIDE;
	if (scratch->kind == SNOOP_KIND_NS)
		marks |= last & SNOOP_NA_ROUTER;
	return marks;
}

static __always_inline __u64 repeat_interval(const struct percpu_scratch *scratch)
{
	__u64 interval = config.repeat_interval;

	return is_probe(scratch) && interval > SNOOP_PROBE_REPEAT_INTERVAL ? SNOOP_PROBE_REPEAT_INTERVAL : interval;
}

/*
 * User space takes the time from the fine clock, which the coarse one never leads. What was passed before
 * therefore has `at` <= that time; the two are equal if the clock has just ticked. The price is that what is passed
 * until the coarse clock exceeds that time (one tick, 1 to 10 ms) is forgotten as well and passed again.
 */
static __always_inline bool is_forgotten(const struct percpu_scratch *scratch, __u64 at)
{
	return at <= forget_before(scratch);
}

static __always_inline void fill(struct snoop_record *record, const struct percpu_scratch *scratch, __u64 now, __u32 outcome)
{
	record->at = bpf_cpu_to_be64(now);
	record->place = scratch->key.place;
	__builtin_memcpy(record->mac, scratch->key.mac, sizeof(record->mac));
	__builtin_memcpy(record->ether_source, scratch->ether_source, sizeof(record->ether_source));
	__builtin_memcpy(record->ip, scratch->key.ip, sizeof(record->ip));
	record->kind = scratch->kind;
	record->na_flags = scratch->na_flags;
	record->outcome = outcome;
	record->pad = 0;
}

/*
 * Makes the checks that all kinds have in common, and passes the claim to user space unless it is a repetition.
 * scratch->now.at is the time; programs of the kind that bridge.h has may not read the coarse clock.
 */
static __always_inline enum snoop_outcome pass(struct percpu_scratch *scratch)
{
	/*
	 * A copy, because before Linux 6.17 the verifier without CAP_PERFMON rejects a pointer that may be NULL on a
	 * path.
	 */
	struct seen last = {};
	struct snoop_record *record;
	struct seen *found;
	__u32 outcome;
	__u64 now;

	if (mac_is_zero(scratch->key.mac))
		return refuse(scratch, SNOOP_OUTCOME_MAC_ZERO);
	if (mac_is_multicast(scratch->key.mac))
		return refuse(scratch, SNOOP_OUTCOME_MAC_MULTICAST);
	if (mac_is_zero(scratch->ether_source) || mac_is_multicast(scratch->ether_source))
		return refuse(scratch, SNOOP_OUTCOME_ETHER_SOURCE_INVALID);

	found = bpf_map_lookup_elem(&seen, &scratch->key);
	if (found && !is_forgotten(scratch, found->at))
		last = *found;
	scratch->now.marks = marks(scratch, last.marks);
	if (last.at && last.marks == scratch->now.marks && scratch->now.at - last.at < repeat_interval(scratch) &&
	    !is_awaited(scratch))
		return SNOOP_OUTCOME_REPEATED;

	/* What was said before teaches nothing either way, so only news is checked for this. */
	if (scratch->kind == SNOOP_KIND_NA && ipv6_outcome(scratch->nd.ip.saddr.s6_addr32) != SNOOP_OUTCOME_PASSED)
		return refuse(scratch, SNOOP_OUTCOME_NA_SOURCE);

	/* The coarse clock would not do: no debt would be paid between two of its ticks. */
	now = bpf_ktime_get_ns();
	outcome = charge(scratch, now);
	if (outcome != SNOOP_OUTCOME_PASSED)
		return refuse(scratch, outcome);
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return SNOOP_OUTCOME_RING_FULL;
	fill(record, scratch, now, SNOOP_OUTCOME_PASSED);
	bpf_ringbuf_submit(record, 0);

	/* If this fails, user space gets the same claim again, which is harmless. */
	bpf_map_update_elem(&seen, &scratch->key, &scratch->now, BPF_ANY);
	return SNOOP_OUTCOME_PASSED;
}

#endif
