/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Frames of ports: each port has a rate of its own, and what is refused is told. */
#ifndef MACIPD_PORT_H
#define MACIPD_PORT_H

#include <bpf/bpf_helpers.h>
#include "place.h"
#include "rate.h"
#include "report.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __be32);
	__type(value, struct snoop_port);
} ports SEC(".maps");

static __always_inline __u32 frame_offset(const struct percpu_scratch *scratch)
{
	(void)scratch;
	return 0;
}

static __always_inline bool is_cut_off(struct __sk_buff *skb, const struct percpu_scratch *scratch, __u32 end)
{
	(void)scratch;
	return skb->len < end;
}

static __always_inline __u64 forget_before(const struct percpu_scratch *scratch)
{
	(void)scratch;
	return config.forget_before;
}

static __always_inline bool is_awaited(const struct percpu_scratch *scratch)
{
	(void)scratch;
	return false;
}

static __always_inline __u32 charge(const struct percpu_scratch *scratch, __u64 now)
{
	struct snoop_port *port;
	__u64 tat;

	if (!config.rate_interval)
		return SNOOP_OUTCOME_PASSED;
	port = bpf_map_lookup_elem(&ports, &scratch->key.place.ifindex);
	if (!port)
		return SNOOP_OUTCOME_PASSED;
	tat = next_tat(port->tat, now, config.rate_interval, config.rate_burst);
	if (!tat) {
		__sync_fetch_and_add(&port->limited, 1);
		return SNOOP_OUTCOME_RATE_LIMITED;
	}
	port->tat = tat;
	return SNOOP_OUTCOME_PASSED;
}

/*
 * Tells user space what was refused, so that people can be told, at a rate of its own for each port: neither the claims
 * of this port nor those of others get less room by that.
 */
static __noinline enum snoop_outcome refuse(struct percpu_scratch *scratch, enum snoop_outcome outcome)
{
	struct snoop_record *record;
	struct snoop_port *port;
	__u64 now, tat;

	port = bpf_map_lookup_elem(&ports, &scratch->key.place.ifindex);
	if (!port)
		return outcome;
	now = bpf_ktime_get_ns();
	tat = next_tat(port->refused_tat, now, SNOOP_REFUSED_INTERVAL, SNOOP_REFUSED_BURST * SNOOP_REFUSED_INTERVAL);
	if (!tat)
		return outcome;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return outcome;
	fill(record, scratch, now, outcome);
	bpf_ringbuf_submit(record, 0);
	port->refused_tat = tat;
	return outcome;
}

#endif
