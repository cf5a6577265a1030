/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Generic cell rate algorithm: each record postpones the time at which a debt is paid, up to a limit. */
#ifndef MACIPD_RATE_H
#define MACIPD_RATE_H

#include <linux/types.h>

/*
 * Returns the theoretical arrival time after one more record; 0 if that would be more than the burst. `tat`: the one
 * before. Its owner stores it, which is not atomic, because compare-and-exchange would need -mcpu=v3: if several CPUs do
 * this at the same instant, only one is charged; at worst, the rate is exceeded by a factor of the number of CPUs.
 */
static __always_inline __u64 next_tat(__u64 tat, __u64 now, __u64 interval, __u64 burst)
{
	if (tat < now)
		tat = now;
	tat += interval;
	return tat - now > burst ? 0 : tat;
}

#endif
