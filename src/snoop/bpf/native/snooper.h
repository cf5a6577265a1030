// SPDX-License-Identifier: Apache-2.0
// One loaded object with one tc program and perhaps tracing programs, its attachments, and the functions that JavaScript calls on it.
#ifndef MACIPD_SNOOPER_H
#define MACIPD_SNOOPER_H

#include "arguments.h"
#include "attach.h"

struct bpf_link;
struct bpf_object;
struct ring_buffer;

#define TRACING_MAX 8

/* The destination of the records of one drain. */
struct slab {
	uint8_t *records;
	size_t record_size, count, capacity;
};

struct snooper {
	struct bpf_object *object; /* NULL if closed */
	int program_fd;
	uint32_t filter_handle;
	struct ring_buffer *ring; /* NULL if the object has no ring buffer */
	int ring_fd;
	struct slab slab;
	struct attachment *attachments;
	size_t attached;
	struct bpf_link *tracing[TRACING_MAX];
	size_t traced;
	napi_ref on_message;
};

/* Returns the snooper that `value` wraps; NULL, with an exception pending, if it is another object or is closed. */
struct snooper *get_snooper(napi_env env, napi_value value);
/* Ends a libbpf call that began with messages_begin: delivers the messages, and throws unless `error` is 0. */
napi_value conclude(napi_env env, const struct snooper *snooper, const char *call, int error);
napi_value undefined(napi_env env);

/* These are declared in ../native.ts. */
napi_value open_object(napi_env env, napi_callback_info info);
napi_value close_object(napi_env env, napi_callback_info info);
napi_value counters(napi_env env, napi_callback_info info);
napi_value map_entries(napi_env env, napi_callback_info info);
napi_value map_get(napi_env env, napi_callback_info info);
napi_value map_set(napi_env env, napi_callback_info info);
napi_value map_delete(napi_env env, napi_callback_info info);

#endif
