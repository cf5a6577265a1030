// SPDX-License-Identifier: Apache-2.0
// Attaches a program to the ingress of a device and detaches it. Functions return a negative errno on failure; `call`
// is then the name of the call that failed.
#ifndef MACIPD_ATTACH_H
#define MACIPD_ATTACH_H

#include <stdbool.h>

enum attach_mode {
	ATTACH_TCX, /* Linux 6.6 and later; detached by the kernel when the process ends, however it ends */
	ATTACH_CLSACT,
};

struct attachment {
	int ifindex;
	enum attach_mode mode;
	int link_fd; /* for TCX */
	bool made_qdisc; /* for clsact */
};

/* Returns -EINVAL if the kernel has no TCX. */
int attach_tcx(int program_fd, struct attachment *attachment, const char **call);
/* Replaces a filter that was left behind by a killed process. */
int attach_clsact(int program_fd, struct attachment *attachment, const char **call);
/* It is not a failure if the device is gone, or if another process removed or replaced the filter. */
int detach(int program_fd, const struct attachment *attachment, const char **call);

#endif
