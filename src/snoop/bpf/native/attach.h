// SPDX-License-Identifier: Apache-2.0
// Puts a program on the ingress of a device and takes it away again. Failures are negative errno, `call` says of what.
#ifndef MACIPD_ATTACH_H
#define MACIPD_ATTACH_H

#include <stdbool.h>

enum attach_mode {
	ATTACH_TCX, /* Linux 6.6 and later; goes away with the process, whatever its end */
	ATTACH_CLSACT,
};

struct attachment {
	int ifindex;
	enum attach_mode mode;
	int link_fd; /* of TCX */
	bool made_qdisc; /* of clsact */
};

/* -EINVAL: the kernel has no TCX. */
int attach_tcx(int program_fd, struct attachment *attachment, const char **call);
/* Replaces the filter that a process that was killed left behind. */
int attach_clsact(int program_fd, struct attachment *attachment, const char **call);
/* A device that is gone, or a filter somebody else removed or replaced, is no failure. */
int detach(int program_fd, const struct attachment *attachment, const char **call);

#endif
