// SPDX-License-Identifier: Apache-2.0
// Access to maps by name.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "snooper.h"

#define MAX_NAME 64

static struct bpf_map *get_map(napi_env env, const struct snooper *snooper, napi_value value)
{
	char name[MAX_NAME];
	struct bpf_map *map;

	if (!get_text(env, value, "map", name, sizeof(name)))
		return NULL;
	map = bpf_object__find_map_by_name(snooper->object, name);
	if (!map)
		throw_failure(env, "bpf_object__find_map_by_name", ENOENT, NULL);
	return map;
}

/* Returns a map that is accessed by key and has one value per key, not one for each CPU. */
static struct bpf_map *get_plain_map(napi_env env, const struct snooper *snooper, napi_value value)
{
	struct bpf_map *map = get_map(env, snooper, value);

	if (!map)
		return NULL;
	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		return map;
	default:
		throw_misuse(env, "map: an array, hash or trie expected");
		return NULL;
	}
}

static bool check_length(napi_env env, const char *name, const struct bytes *bytes, size_t expected)
{
	return bytes->length == expected || throw_misuse(env, "%s: %zu bytes expected", name, expected);
}

napi_value counters(napi_env env, napi_callback_info info)
{
	napi_value arguments[3], result, number;
	int cpus = libbpf_num_possible_cpus();
	struct snooper *snooper;
	struct bpf_map *map;
	uint32_t key = 0, count;
	size_t size;
	int error;

	if (!get_arguments(env, info, 3, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !(map = get_map(env, snooper, arguments[1])) ||
	    !get_integer(env, arguments[2], "count", 1, INT_MAX, &count))
		return NULL;
	/* The kernel returns per-CPU values in units of 8 bytes. */
	size = (bpf_map__value_size(map) + 7) & ~7;
	if (bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_ARRAY || size < (size_t)count * sizeof(uint64_t)) {
		throw_misuse(env, "map: a per-CPU array that begins with the counters expected");
		return NULL;
	}
	if (cpus < 0)
		return throw_failure(env, "libbpf_num_possible_cpus", cpus, NULL);
	char *values = calloc(cpus, size);
	if (!values)
		return throw_failure(env, "calloc", ENOMEM, NULL);
	error = bpf_map_lookup_elem(bpf_map__fd(map), &key, values);
	if (error)
		result = throw_failure(env, "bpf_map_lookup_elem", error, NULL);
	else if (napi_create_array_with_length(env, count, &result) != napi_ok)
		result = NULL;
	for (uint32_t outcome = 0; result && outcome < count; outcome++) {
		uint64_t sum = 0;

		for (int cpu = 0; cpu < cpus; cpu++)
			sum += ((const uint64_t *)(values + cpu * size))[outcome];
		if (napi_create_double(env, (double)sum, &number) != napi_ok ||
		    napi_set_element(env, result, outcome, number) != napi_ok)
			result = NULL;
	}
	free(values);
	return result;
}

static bool append_entry(napi_env env, napi_value array, uint32_t index, const struct bpf_map *map, const void *key,
			 const void *value)
{
	napi_value entry, part;

	return napi_create_array_with_length(env, 2, &entry) == napi_ok &&
	       napi_create_buffer_copy(env, bpf_map__key_size(map), key, NULL, &part) == napi_ok &&
	       napi_set_element(env, entry, 0, part) == napi_ok &&
	       napi_create_buffer_copy(env, bpf_map__value_size(map), value, NULL, &part) == napi_ok &&
	       napi_set_element(env, entry, 1, part) == napi_ok && napi_set_element(env, array, index, entry) == napi_ok;
}

napi_value map_entries(napi_env env, napi_callback_info info)
{
	napi_value arguments[2], result;
	struct snooper *snooper;
	struct bpf_map *map;
	uint32_t found = 0;
	int error = 0;

	if (!get_arguments(env, info, 2, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !(map = get_plain_map(env, snooper, arguments[1])) || napi_create_array(env, &result) != napi_ok)
		return NULL;
	char *key = calloc(1, bpf_map__key_size(map)), *value = calloc(1, bpf_map__value_size(map));
	if (!key || !value)
		error = -ENOMEM;
	/* The loop is bounded, because the iteration restarts when its key is deleted meanwhile. */
	for (uint32_t i = 0; !error && i < bpf_map__max_entries(map); i++) {
		error = bpf_map_get_next_key(bpf_map__fd(map), i == 0 ? NULL : key, key);
		if (error)
			break;
		error = bpf_map_lookup_elem(bpf_map__fd(map), key, value);
		if (!error && !append_entry(env, result, found++, map, key, value))
			result = NULL;
		if (error == -ENOENT) /* The entry was evicted meanwhile. */
			error = 0;
	}
	free(key);
	free(value);
	if (error && error != -ENOENT)
		return throw_failure(env, "bpf_map_get_next_key", error, NULL);
	return result;
}

napi_value map_get(napi_env env, napi_callback_info info)
{
	napi_value arguments[3], result = NULL;
	struct snooper *snooper;
	struct bpf_map *map;
	struct bytes key;
	int error;

	if (!get_arguments(env, info, 3, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !(map = get_plain_map(env, snooper, arguments[1])) || !get_bytes(env, arguments[2], "key", &key) ||
	    !check_length(env, "key", &key, bpf_map__key_size(map)))
		return NULL;
	char *value = calloc(1, bpf_map__value_size(map));
	if (!value)
		return throw_failure(env, "calloc", ENOMEM, NULL);
	error = bpf_map_lookup_elem(bpf_map__fd(map), key.data, value);
	if (error == -ENOENT)
		result = undefined(env);
	else if (error)
		throw_failure(env, "bpf_map_lookup_elem", error, NULL);
	else if (napi_create_buffer_copy(env, bpf_map__value_size(map), value, NULL, &result) != napi_ok)
		result = NULL;
	free(value);
	return result;
}

napi_value map_set(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	struct snooper *snooper;
	struct bytes key, value;
	struct bpf_map *map;
	int error;

	if (!get_arguments(env, info, 4, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !(map = get_plain_map(env, snooper, arguments[1])) || !get_bytes(env, arguments[2], "key", &key) ||
	    !get_bytes(env, arguments[3], "value", &value) || !check_length(env, "key", &key, bpf_map__key_size(map)) ||
	    !check_length(env, "value", &value, bpf_map__value_size(map)))
		return NULL;
	error = bpf_map_update_elem(bpf_map__fd(map), key.data, value.data, BPF_ANY);
	return error ? throw_failure(env, "bpf_map_update_elem", error, NULL) : undefined(env);
}

napi_value map_delete(napi_env env, napi_callback_info info)
{
	napi_value arguments[3], result;
	struct snooper *snooper;
	struct bpf_map *map;
	struct bytes key;
	int error;

	if (!get_arguments(env, info, 3, arguments) || !(snooper = get_snooper(env, arguments[0])) ||
	    !(map = get_plain_map(env, snooper, arguments[1])) || !get_bytes(env, arguments[2], "key", &key) ||
	    !check_length(env, "key", &key, bpf_map__key_size(map)))
		return NULL;
	error = bpf_map_delete_elem(bpf_map__fd(map), key.data);
	if (error && error != -ENOENT)
		return throw_failure(env, "bpf_map_delete_elem", error, NULL);
	return napi_get_boolean(env, error == 0, &result) == napi_ok ? result : NULL;
}
