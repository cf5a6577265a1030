// SPDX-License-Identifier: Apache-2.0
// Attaches a program to the ingress of a device and detaches it. Functions return a negative errno on failure; `call`
// is then the name of the call that failed.
#ifndef MACIPD_ATTACH_H
#define MACIPD_ATTACH_H

#include <linux/types.h>
#include <stdbool.h>

/* linux/bpf.h has it since 6.6, but the headers may be older than the running kernel. */
#define TCX_INGRESS 46

enum attach_mode {
	ATTACH_TCX, /* Linux 6.6 and later; detached by the kernel when the process ends, however it ends */
	ATTACH_CLSACT,
};

struct attachment {
	int ifindex;
	enum attach_mode mode;
	int link_fd; /* for TCX */
	bool made_qdisc; /* for clsact */
	int priority; /* for clsact */
	__u32 handle; /* for clsact */
};

/*
 * Our program comes first, so that no other one that ends the chain (TCX_PASS, TC_ACT_OK) keeps frames from it. What later
 * programs, tc filters and the bridge's own filters drop is therefore seen.
 *
 * Returns -EINVAL if the kernel has no TCX.
 */
int attach_tcx(int program_fd, struct attachment *attachment, const char **call);
/*
 * Replaces a filter that was left behind by a killed process. Comes first, too, unless the first priority is taken by a
 * filter of another kind.
 */
int attach_clsact(int program_fd, __u32 handle, struct attachment *attachment, const char **call);
/* The handle of a program's clsact filter: two programs may be on one device. */
__u32 filter_handle(const char *program);
/* It is not a failure if the device is gone, or if another process removed or replaced the filter. */
int detach(int program_fd, const struct attachment *attachment, const char **call);
int program_id(int program_fd, __u32 *id);

#endif
