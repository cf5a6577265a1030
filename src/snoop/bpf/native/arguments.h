// SPDX-License-Identifier: Apache-2.0
// Checked arguments and thrown errors. A function returning false (or NULL) has left a JavaScript exception pending.
#ifndef MACIPD_ARGUMENTS_H
#define MACIPD_ARGUMENTS_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	void *data;
	size_t length;
};

/* Reads exactly `count` arguments; undefined counts as an argument. */
bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values);
bool get_integer(napi_env env, napi_value value, const char *name, uint32_t min, uint32_t max, uint32_t *result);
/* Reads a non-empty string without NUL that fits in `size` bytes with its terminator. */
bool get_text(napi_env env, napi_value value, const char *name, char *result, size_t size);
/* Reads a Uint8Array. The array owns the bytes: they must not be used after JavaScript code has run. */
bool get_bytes(napi_env env, napi_value value, const char *name, struct bytes *result);
bool get_boolean(napi_env env, napi_value value, const char *name, bool *result);
bool is_undefined(napi_env env, napi_value value);

bool throw_misuse(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Throws an Error with properties `call`, `errno` (positive), `code` ('EPERM', …; 'LIBBPF' for libbpf's own numbers)
 * and, unless `log` is NULL or empty, `verifierLog`.
 */
napi_value throw_failure(napi_env env, const char *call, int error, const char *log);

#endif
