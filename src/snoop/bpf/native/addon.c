// SPDX-License-Identifier: Apache-2.0
// libbpf for JavaScript: plain Node-API, no threads, no handles of the event loop. ../native.ts has the types.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "messages.h"
#include "snooper.h"

#define MAX_FRAME 65535

static struct attachment *find_attachment(const struct snooper *snooper, int ifindex)
{
	for (size_t i = 0; i < snooper->attached; i++)
		if (snooper->attachments[i].ifindex == ifindex)
			return &snooper->attachments[i];
	return NULL;
}

static int add_attachment(struct snooper *snooper, uint32_t ifindex, enum attach_mode mode, const char **call)
{
	struct attachment attachment = { .ifindex = (int)ifindex };
	struct attachment *grown;
	int error;

	*call = "attach";
	if (find_attachment(snooper, attachment.ifindex))
		return -EEXIST;
	grown = realloc(snooper->attachments, (snooper->attached + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	snooper->attachments = grown;
	error = mode == ATTACH_TCX ? attach_tcx(snooper->program_fd, &attachment, call) :
				     attach_clsact(snooper->program_fd, snooper->filter_handle, &attachment, call);
	if (!error)
		snooper->attachments[snooper->attached++] = attachment;
	return error;
}

static napi_value attach_device(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	struct snooper *snooper;
	uint32_t ifindex;
	const char *call;
	char mode[8];

	if (!get_arguments(env, info, 3, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !get_integer(env, arguments[1], "ifindex", 1, INT_MAX, &ifindex) ||
	    !get_text(env, arguments[2], "mode", mode, sizeof(mode)))
		return NULL;
	if (strcmp(mode, "tcx") && strcmp(mode, "clsact")) {
		throw_misuse(env, "mode: 'tcx' or 'clsact' expected");
		return NULL;
	}
	messages_begin();
	int error = add_attachment(snooper, ifindex, strcmp(mode, "tcx") ? ATTACH_CLSACT : ATTACH_TCX, &call);
	return conclude(env, snooper, call, error);
}

static napi_value detach_device(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct snooper *snooper;
	uint32_t ifindex;
	const char *call = "detach";
	int error = -ENOENT;

	if (!get_arguments(env, info, 2, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !get_integer(env, arguments[1], "ifindex", 1, INT_MAX, &ifindex))
		return NULL;
	messages_begin();
	struct attachment *attachment = find_attachment(snooper, (int)ifindex);
	if (attachment) {
		error = detach(snooper->program_fd, attachment, &call);
		*attachment = snooper->attachments[--snooper->attached];
	}
	return conclude(env, snooper, call, error);
}

static bool require_ring(napi_env env, const struct snooper *snooper)
{
	if (!snooper->ring)
		throw_failure(env, "find ring buffer", ENOENT, NULL);
	return snooper->ring;
}

static napi_value ring_fd(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], result;
	struct snooper *snooper;

	if (!get_arguments(env, info, 1, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !require_ring(env, snooper))
		return NULL;
	return napi_create_int32(env, snooper->ring_fd, &result) == napi_ok ? result : NULL;
}

static napi_value drain(napi_env env, napi_callback_info info)
{
	napi_value arguments[3], result;
	struct snooper *snooper;
	uint32_t record_size;
	struct bytes into;
	int error;

	if (!get_arguments(env, info, 3, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !require_ring(env, snooper) || !get_bytes(env, arguments[1], "into", &into) ||
	    !get_integer(env, arguments[2], "recordBytes", 1, INT_MAX, &record_size))
		return NULL;
	if (into.length < record_size) {
		throw_misuse(env, "into: at least %u bytes expected", record_size);
		return NULL;
	}
	snooper->slab = (struct slab){ .records = into.data, .record_size = record_size, .capacity = into.length / record_size };
	error = ring_buffer__consume(snooper->ring);
	if (error < 0 && error != -ECANCELED)
		return throw_failure(env, "ring_buffer__consume", error, NULL);
	return napi_create_uint32(env, (uint32_t)snooper->slab.count, &result) == napi_ok ? result : NULL;
}

static napi_value test_run(napi_env env, napi_callback_info info)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options);
	napi_value arguments[4], result, retval, duration;
	struct bytes frame, context = { NULL, 0 };
	struct snooper *snooper;
	uint32_t repeat;
	int error;

	if (!get_arguments(env, info, 4, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !get_bytes(env, arguments[1], "frame", &frame) ||
	    !get_integer(env, arguments[2], "repeat", 1, INT_MAX, &repeat) ||
	    (!is_undefined(env, arguments[3]) && !get_bytes(env, arguments[3], "context", &context)))
		return NULL;
	if (frame.length > MAX_FRAME || context.length > MAX_FRAME) {
		throw_misuse(env, "frame, context: at most %d bytes expected", MAX_FRAME);
		return NULL;
	}
	options.data_in = frame.data;
	options.data_size_in = (uint32_t)frame.length;
	options.ctx_in = context.data;
	options.ctx_size_in = (uint32_t)context.length;
	options.repeat = (int)repeat;
	error = bpf_prog_test_run_opts(snooper->program_fd, &options);
	if (error)
		return throw_failure(env, "bpf_prog_test_run_opts", error, NULL);
	if (napi_create_object(env, &result) != napi_ok ||
	    napi_create_int32(env, (int32_t)options.retval, &retval) != napi_ok ||
	    napi_set_named_property(env, result, "retval", retval) != napi_ok ||
	    napi_create_uint32(env, options.duration, &duration) != napi_ok ||
	    napi_set_named_property(env, result, "durationNs", duration) != napi_ok)
		return NULL;
	return result;
}

#define FUNCTION(name, function) { name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL }

NAPI_MODULE_INIT()
{
	static const napi_property_descriptor functions[] = {
		FUNCTION("open", open_object),	     FUNCTION("close", close_object),
		FUNCTION("attach", attach_device),   FUNCTION("detach", detach_device),
		FUNCTION("ringFd", ring_fd),	     FUNCTION("drain", drain),
		FUNCTION("counters", counters),	     FUNCTION("mapEntries", map_entries),
		FUNCTION("mapGet", map_get),	     FUNCTION("mapSet", map_set),
		FUNCTION("mapDelete", map_delete),   FUNCTION("testRun", test_run),
		FUNCTION("tcxChain", tcx_chain),
	};

	messages_init();
	napi_define_properties(env, exports, sizeof(functions) / sizeof(*functions), functions);
	return exports;
}
