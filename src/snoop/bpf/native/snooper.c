// SPDX-License-Identifier: Apache-2.0
#include "snooper.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"

/* The verifier's log of our programs takes about 100 kB; memory that is not written to costs nothing. */
#define VERIFIER_LOG_SIZE (8 << 20)

static const napi_type_tag SNOOPER_TAG = { 0x6d61636970640001, 0x8e1c5a7790d24b3f };

struct snooper *get_snooper(napi_env env, napi_value value)
{
	struct snooper *snooper = NULL;
	bool tagged = false;

	if (napi_check_object_type_tag(env, value, &SNOOPER_TAG, &tagged) != napi_ok || !tagged ||
	    napi_unwrap(env, value, (void **)&snooper) != napi_ok) {
		throw_misuse(env, "the first argument is not what open() returned");
		return NULL;
	}
	if (!snooper->object) {
		throw_misuse(env, "closed already");
		return NULL;
	}
	return snooper;
}

napi_value undefined(napi_env env)
{
	napi_value value;

	return napi_get_undefined(env, &value) == napi_ok ? value : NULL;
}

napi_value conclude(napi_env env, const struct snooper *snooper, const char *call, int error)
{
	napi_value function;

	if (napi_get_reference_value(env, snooper->on_message, &function) != napi_ok ||
	    !messages_deliver(env, function))
		return NULL;
	return error ? throw_failure(env, call, error, NULL) : undefined(env);
}

/* Detaches from all devices and frees everything but the snooper itself. Returns the first failure to detach. */
static int release(struct snooper *snooper, const char **call)
{
	int first = 0;

	for (size_t i = 0; i < snooper->attached; i++) {
		const char *failed;
		int error = detach(snooper->program_fd, &snooper->attachments[i], &failed);

		if (error && !first) {
			first = error;
			*call = failed;
		}
	}
	for (size_t i = 0; i < snooper->traced; i++)
		bpf_link__destroy(snooper->tracing[i]);
	snooper->traced = 0;
	free(snooper->attachments);
	ring_buffer__free(snooper->ring);
	bpf_object__close(snooper->object);
	snooper->attachments = NULL;
	snooper->attached = 0;
	snooper->ring = NULL;
	snooper->object = NULL;
	return first;
}

static void finalize(napi_env env, void *data, void *hint)
{
	struct snooper *snooper = data;
	const char *call;

	(void)hint;
	if (snooper->object)
		release(snooper, &call);
	if (snooper->on_message)
		napi_delete_reference(env, snooper->on_message);
	free(snooper);
}

/*
 * libbpf has consumed the record when it calls this, so there must be room. A negative result stops after the record.
 */
static int copy_record(void *context, void *data, size_t size)
{
	struct slab *slab = context;

	if (size != slab->record_size)
		return -EPROTO;
	memcpy(slab->records + slab->count++ * size, data, size);
	return slab->count < slab->capacity ? 0 : -ECANCELED;
}

static bool is_tracing(const struct bpf_program *program)
{
	return bpf_program__type(program) == BPF_PROG_TYPE_TRACING;
}

/* Finds the only tc program; others must be tracing programs. */
static int find_program(struct snooper *snooper, const char **call)
{
	struct bpf_program *program, *found = NULL;

	*call = "bpf_object__next_program";
	bpf_object__for_each_program(program, snooper->object) {
		if (is_tracing(program))
			continue;
		if (found || bpf_program__type(program) != BPF_PROG_TYPE_SCHED_CLS)
			return -ENOEXEC;
		found = program;
	}
	if (!found)
		return -ENOEXEC;
	snooper->program_fd = bpf_program__fd(found);
	snooper->filter_handle = filter_handle(bpf_program__name(found));
	return 0;
}

/* An object is loaded as a whole, so what is not wanted of it is left out before. */
static void select_tracing(const struct snooper *snooper, bool with_tracing)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, snooper->object) {
		if (is_tracing(program))
			bpf_program__set_autoload(program, with_tracing);
	}
}

/* Attaches the tracing programs that were loaded to the kernel's functions; there may be none. */
static int attach_tracing(struct snooper *snooper, const char **call)
{
	struct bpf_program *program;

	*call = "bpf_program__attach";
	bpf_object__for_each_program(program, snooper->object) {
		if (!is_tracing(program) || !bpf_program__autoload(program))
			continue;
		if (snooper->traced == TRACING_MAX)
			return -E2BIG;
		struct bpf_link *link = bpf_program__attach(program);
		if (!link)
			return -errno;
		snooper->tracing[snooper->traced++] = link;
	}
	return 0;
}

static int find_ring(struct snooper *snooper, const char **call)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, snooper->object) {
		if (bpf_map__type(map) != BPF_MAP_TYPE_RINGBUF)
			continue;
		*call = "ring_buffer__new";
		snooper->ring_fd = bpf_map__fd(map);
		snooper->ring = ring_buffer__new(snooper->ring_fd, copy_record, &snooper->slab, NULL);
		return snooper->ring ? 0 : -errno;
	}
	return 0;
}

static int load_object(struct snooper *snooper, const char *path, bool with_tracing, char *log, const char **call)
{
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = log, .kernel_log_size = VERIFIER_LOG_SIZE);
	const char *close_call;
	int error;

	*call = "bpf_object__open_file";
	snooper->object = bpf_object__open_file(path, &options);
	if (!snooper->object)
		return -errno;
	select_tracing(snooper, with_tracing);
	*call = "bpf_object__load";
	error = bpf_object__load(snooper->object);
	if (!error) {
		*log = 0; /* The buffer holds the log of a program that was accepted. */
		error = find_program(snooper, call);
	}
	if (!error)
		error = find_ring(snooper, call);
	if (!error)
		error = attach_tracing(snooper, call);
	if (error)
		release(snooper, &close_call);
	return error;
}

napi_value open_object(napi_env env, napi_callback_info info)
{
	napi_value arguments[3], result;
	char path[PATH_MAX];
	napi_valuetype type;
	bool with_tracing;
	const char *call = "malloc";
	int error = -ENOMEM;

	if (!get_arguments(env, info, 3, arguments) || !get_text(env, arguments[0], "path", path, sizeof(path)) ||
	    !get_boolean(env, arguments[2], "withTracing", &with_tracing))
		return NULL;
	if (napi_typeof(env, arguments[1], &type) != napi_ok || type != napi_function) {
		throw_misuse(env, "onMessage: a function expected");
		return NULL;
	}

	struct snooper *snooper = calloc(1, sizeof(*snooper));
	char *log = malloc(VERIFIER_LOG_SIZE);
	if (log)
		*log = 0;
	messages_begin();
	if (snooper && log)
		error = load_object(snooper, path, with_tracing, log, &call);
	if (!messages_deliver(env, arguments[1]) || error) {
		if (error)
			throw_failure(env, call, error, log);
		goto failed;
	}
	if (napi_create_object(env, &result) != napi_ok ||
	    napi_create_reference(env, arguments[1], 1, &snooper->on_message) != napi_ok ||
	    napi_wrap(env, result, snooper, finalize, NULL, NULL) != napi_ok)
		goto failed;
	free(log);
	/* From here on the wrapped object owns the snooper. */
	return napi_type_tag_object(env, result, &SNOOPER_TAG) == napi_ok ? result : NULL;

failed:
	free(log);
	if (snooper)
		finalize(env, snooper, NULL);
	return NULL;
}

napi_value close_object(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	struct snooper *snooper;
	const char *call;
	int error;

	if (!get_arguments(env, info, 1, arguments) || !(snooper = get_snooper(env, arguments[0])))
		return NULL;
	messages_begin();
	error = release(snooper, &call);
	return conclude(env, snooper, call, error);
}
