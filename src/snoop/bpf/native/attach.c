// SPDX-License-Identifier: Apache-2.0
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "messages.h"

/* The same for BPF_F_BEFORE. */
#define BEFORE_ALL (1U << 3)

/*
 * The handles spell "macp" and "macv", and identify our clsact filters. The second priority is for a device on which a filter of
 * another kind has the first: it comes before those that the kernel assigns (from 49152).
 */
#define PORT_FILTER_HANDLE 0x6d616370
#define VXLAN_FILTER_HANDLE 0x6d616376
static const int PRIORITIES[] = { 1, 0x6d61 };
#define PRIORITY_COUNT (sizeof(PRIORITIES) / sizeof(*PRIORITIES))

int attach_tcx(int program_fd, struct attachment *attachment, const char **call)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, options, .flags = BEFORE_ALL);

	*call = "bpf_link_create";
	attachment->mode = ATTACH_TCX;
	attachment->link_fd = bpf_link_create(program_fd, attachment->ifindex, TCX_INGRESS, &options);
	return attachment->link_fd < 0 ? attachment->link_fd : 0;
}

int program_id(int program_fd, __u32 *id)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int error = bpf_obj_get_info_by_fd(program_fd, &info, &length);

	*id = info.id;
	return error;
}

/* Whether a dump of the filters under `parent` is empty; false also if the dump fails. */
static bool has_no_filter(int ifindex, __u32 parent)
{
	struct {
		struct nlmsghdr header;
		struct tcmsg message;
	} request = {
		.header.nlmsg_len = sizeof(request),
		.header.nlmsg_type = RTM_GETTFILTER,
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.message.tcm_family = AF_UNSPEC,
		.message.tcm_ifindex = ifindex,
		.message.tcm_parent = parent,
	};
	_Alignas(struct nlmsghdr) char answer[32768];
	struct timeval patience = { .tv_sec = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool empty = false;

	if (fd < 0)
		return false;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request)) {
		ssize_t length = recv(fd, answer, sizeof(answer), 0);
		const struct nlmsghdr *first = (const struct nlmsghdr *)answer;

		empty = length >= (ssize_t)sizeof(*first) && first->nlmsg_type == NLMSG_DONE;
	}
	close(fd);
	return empty;
}

/* Removes the clsact qdisc that we made, unless it has other filters by now. */
static int remove_qdisc(int ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (!has_no_filter(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) ||
	    !has_no_filter(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)))
		return 0;
	return bpf_tc_hook_destroy(&hook);
}

__u32 filter_handle(const char *program)
{
	return strcmp(program, "vxlan") ? PORT_FILTER_HANDLE : VXLAN_FILTER_HANDLE;
}

int attach_clsact(int program_fd, __u32 handle, struct attachment *attachment, const char **call)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = attachment->ifindex, .attach_point = BPF_TC_INGRESS);
	int error;

	attachment->mode = ATTACH_CLSACT;
	attachment->handle = handle;
	*call = "bpf_tc_hook_create";
	messages_expected(true);
	error = bpf_tc_hook_create(&hook);
	messages_expected(false);
	if (error && error != -EEXIST)
		return error;
	attachment->made_qdisc = error == 0;

	*call = "bpf_tc_attach";
	for (size_t i = 0; i < PRIORITY_COUNT; i++) {
		DECLARE_LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE,
				    .handle = handle, .priority = PRIORITIES[i]);
		bool last = i == PRIORITY_COUNT - 1;

		attachment->priority = PRIORITIES[i];
		messages_expected(!last);
		error = bpf_tc_attach(&hook, &filter);
		messages_expected(false);
		if (!error)
			break;
	}
	if (error && attachment->made_qdisc)
		remove_qdisc(attachment->ifindex);
	return error;
}

static bool means_gone(int error)
{
	/* The filter, the device, or the qdisc that held it does not exist any more. */
	return error == -ENOENT || error == -ENODEV || error == -EINVAL;
}

static int detach_clsact(int program_fd, const struct attachment *attachment, const char **call)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = attachment->ifindex, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, found, .handle = attachment->handle,
			    .priority = attachment->priority);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, filter, .handle = attachment->handle,
			    .priority = attachment->priority);
	__u32 ours;
	int error;

	*call = "bpf_obj_get_info_by_fd";
	error = program_id(program_fd, &ours);
	if (error)
		return error;

	messages_expected(true);
	*call = "bpf_tc_query";
	error = bpf_tc_query(&hook, &found);
	if (!error && found.prog_id == ours) {
		*call = "bpf_tc_detach";
		error = bpf_tc_detach(&hook, &filter);
		if (!error && attachment->made_qdisc) {
			*call = "bpf_tc_hook_destroy";
			error = remove_qdisc(attachment->ifindex);
		}
	}
	messages_expected(false);
	return means_gone(error) ? 0 : error;
}

int detach(int program_fd, const struct attachment *attachment, const char **call)
{
	if (attachment->mode == ATTACH_CLSACT)
		return detach_clsact(program_fd, attachment, call);
	close(attachment->link_fd);
	return 0;
}
