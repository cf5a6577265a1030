// SPDX-License-Identifier: Apache-2.0
#include "arguments.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS 8

bool throw_misuse(napi_env env, const char *format, ...)
{
	char message[256];
	va_list list;

	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	napi_throw_type_error(env, NULL, message);
	return false;
}

bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values)
{
	napi_value given[MAX_ARGUMENTS];
	size_t given_count = MAX_ARGUMENTS;

	if (napi_get_cb_info(env, info, &given_count, given, NULL, NULL) != napi_ok)
		return throw_misuse(env, "the arguments cannot be read");
	if (given_count != count)
		return throw_misuse(env, "%zu arguments expected, not %zu", count, given_count);
	memcpy(values, given, count * sizeof(*values));
	return true;
}

bool get_integer(napi_env env, napi_value value, const char *name, uint32_t min, uint32_t max, uint32_t *result)
{
	double number;

	/* The comparisons are false for NaN; the conversion is undefined outside the range. */
	if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= min && number <= max) ||
	    number != (uint32_t)number)
		return throw_misuse(env, "%s: an integer from %u to %u expected", name, min, max);
	*result = (uint32_t)number;
	return true;
}

bool get_text(napi_env env, napi_value value, const char *name, char *result, size_t size)
{
	size_t length;

	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length == 0 || length >= size)
		return throw_misuse(env, "%s: a string of 1 to %zu bytes expected", name, size - 1);
	napi_get_value_string_utf8(env, value, result, size, &length);
	if (strlen(result) != length)
		return throw_misuse(env, "%s: has a NUL byte", name);
	return true;
}

bool get_bytes(napi_env env, napi_value value, const char *name, struct bytes *result)
{
	napi_typedarray_type type;

	if (napi_get_typedarray_info(env, value, &type, &result->length, &result->data, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array)
		return throw_misuse(env, "%s: a Buffer or Uint8Array expected", name);
	return true;
}

bool get_boolean(napi_env env, napi_value value, const char *name, bool *result)
{
	return napi_get_value_bool(env, value, result) == napi_ok || throw_misuse(env, "%s: true or false expected", name);
}

bool is_undefined(napi_env env, napi_value value)
{
	napi_valuetype type;

	return napi_typeof(env, value, &type) == napi_ok && type == napi_undefined;
}

static void set_text(napi_env env, napi_value object, const char *name, const char *text)
{
	napi_value value;

	if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok)
		napi_set_named_property(env, object, name, value);
}

napi_value throw_failure(napi_env env, const char *call, int error, const char *log)
{
	int number = abs(error);
	const char *code = strerrorname_np(number);
	char description[128], message[256];
	napi_value text, exception, value;

	libbpf_strerror(number, description, sizeof(description));
	snprintf(message, sizeof(message), "%s: %s", call, description);
	if (napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text) != napi_ok ||
	    napi_create_error(env, NULL, text, &exception) != napi_ok)
		return NULL;
	set_text(env, exception, "call", call);
	set_text(env, exception, "code", code ? code : "LIBBPF");
	if (napi_create_int32(env, number, &value) == napi_ok)
		napi_set_named_property(env, exception, "errno", value);
	if (log && *log)
		set_text(env, exception, "verifierLog", log);
	napi_throw(env, exception);
	return NULL;
}
