// SPDX-License-Identifier: Apache-2.0
// The chain of TCX programs at the ingress of a device, in the order in which they see its frames.
#include "chain.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach.h"
#include "snooper.h"

/*
 * The part of union bpf_attr for BPF_PROG_QUERY that Linux 6.6 knows; the headers and libbpf may be older. Older kernels
 * reject it (EINVAL, or E2BIG for what they do not know), and have no TCX.
 */
struct query {
	__u32 ifindex;
	__u32 attach_type;
	__u32 query_flags;
	__u32 attach_flags;
	__aligned_u64 program_ids;
	__u32 count;
	__u32 pad;
	__aligned_u64 program_attach_flags;
	__aligned_u64 link_ids;
	__aligned_u64 link_attach_flags;
	__u64 revision;
};

static int query_chain(int ifindex, __u32 *ids, __u32 *count)
{
	struct query query = {
		.ifindex = (__u32)ifindex,
		.attach_type = TCX_INGRESS,
		.program_ids = (__u64)(unsigned long)ids,
		.count = *count,
	};

	if (syscall(__NR_bpf, BPF_PROG_QUERY, &query, sizeof(query)) < 0)
		return -errno;
	*count = query.count;
	return 0;
}

/* The name is empty without CAP_SYS_ADMIN, which the kernel requires to look at another's program. */
static void name_of(__u32 id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	*name = 0;
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &length))
		memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	name[BPF_OBJ_NAME_LEN - 1] = 0;
	close(fd);
}

static bool put_program(napi_env env, napi_value chain, uint32_t index, __u32 id, bool ours)
{
	char name[BPF_OBJ_NAME_LEN];
	napi_value program, value;

	name_of(id, name);
	return napi_create_object(env, &program) == napi_ok && napi_create_uint32(env, id, &value) == napi_ok &&
	       napi_set_named_property(env, program, "id", value) == napi_ok &&
	       napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &value) == napi_ok &&
	       napi_set_named_property(env, program, "name", value) == napi_ok &&
	       napi_get_boolean(env, ours, &value) == napi_ok &&
	       napi_set_named_property(env, program, "ours", value) == napi_ok &&
	       napi_set_element(env, chain, index, program) == napi_ok;
}

napi_value tcx_chain(napi_env env, napi_callback_info info)
{
	napi_value arguments[2], chain;
	__u32 ids[TCX_MAX], count = TCX_MAX, ours;
	struct snooper *snooper;
	uint32_t ifindex;
	int error;

	if (!get_arguments(env, info, 2, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !get_integer(env, arguments[1], "ifindex", 1, INT_MAX, &ifindex))
		return NULL;
	error = program_id(snooper->program_fd, &ours);
	if (error)
		return throw_failure(env, "bpf_obj_get_info_by_fd", error, NULL);
	error = query_chain((int)ifindex, ids, &count);
	if (error)
		return throw_failure(env, "BPF_PROG_QUERY", error, NULL);
	if (napi_create_array(env, &chain) != napi_ok)
		return NULL;
	for (uint32_t i = 0; i < count && i < TCX_MAX; i++)
		if (!put_program(env, chain, i, ids[i], ids[i] == ours))
			return NULL;
	return chain;
}
