// SPDX-License-Identifier: Apache-2.0
// One loaded object with one tc program, what it is attached to, and the functions on it that JavaScript calls.
#ifndef MACIPD_SNOOPER_H
#define MACIPD_SNOOPER_H

#include "arguments.h"
#include "attach.h"

struct bpf_object;
struct ring_buffer;
struct snoop_record;

/* Where the records of one drain go. */
struct slab {
	struct snoop_record *records;
	size_t count, capacity;
};

struct snooper {
	struct bpf_object *object; /* NULL: closed */
	int program_fd;
	struct ring_buffer *ring; /* NULL: the object has no ring buffer */
	int ring_fd;
	struct slab slab;
	struct attachment *attachments;
	size_t attached;
	napi_ref on_message;
};

/* The snooper that `value` wraps; NULL, and an exception, if it is another object or closed. */
struct snooper *get_snooper(napi_env env, napi_value value);
/* Ends a call of libbpf begun with messages_begin: delivers the messages, throws unless `error` is 0. */
napi_value conclude(napi_env env, const struct snooper *snooper, const char *call, int error);
napi_value undefined(napi_env env);

/* As declared in ../bpf-native.ts. */
napi_value open_object(napi_env env, napi_callback_info info);
napi_value close_object(napi_env env, napi_callback_info info);
napi_value counters(napi_env env, napi_callback_info info);
napi_value map_entries(napi_env env, napi_callback_info info);
napi_value map_get(napi_env env, napi_callback_info info);
napi_value map_set(napi_env env, napi_callback_info info);
napi_value map_delete(napi_env env, napi_callback_info info);

#endif
