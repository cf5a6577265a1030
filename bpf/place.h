/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What depends on where frames are seen: port.h and tunnel.h define it, each for its program. */
#ifndef MACIPD_PLACE_H
#define MACIPD_PLACE_H

#include <stdbool.h>
#include "scratch.h"

/* Offset of the frame's Ethernet header in the packet. */
static __always_inline __u32 frame_offset(const struct percpu_scratch *scratch);

/* Whether the frame ends before an offset in the packet. */
static __always_inline bool is_cut_off(struct __sk_buff *skb, const struct percpu_scratch *scratch, __u32 end);

/* What was passed until then (ns, CLOCK_MONOTONIC) counts as never passed. */
static __always_inline __u64 forget_before(const struct percpu_scratch *scratch);

/* Whether the claim is passed although it may be a repetition. */
static __always_inline bool is_awaited(const struct percpu_scratch *scratch);

/* Counts a record against the limits of its place; returns SNOOP_OUTCOME_PASSED (0) if it is within them. */
static __always_inline __u32 charge(const struct percpu_scratch *scratch, __u64 now);

/* Called for each frame that people may be told of as refused; returns `outcome`. */
static __noinline enum snoop_outcome refuse(struct percpu_scratch *scratch, enum snoop_outcome outcome);

#endif
