// SPDX-License-Identifier: Apache-2.0
#include "messages.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGES 1024
#define MAX_MESSAGE 2048

struct message {
	enum libbpf_print_level level;
	char *text;
};

static _Thread_local struct {
	bool keeping;
	bool expected;
	size_t count;
	struct message list[MAX_MESSAGES];
} kept;

static int keep(enum libbpf_print_level level, const char *format, va_list list)
{
	char text[MAX_MESSAGE];
	size_t length;

	if (!kept.keeping || kept.count == MAX_MESSAGES)
		return 0;
	vsnprintf(text, sizeof(text), format, list);
	length = strlen(text);
	while (length > 0 && text[length - 1] == '\n')
		text[--length] = 0;
	char *copy = length > 0 ? strdup(text) : NULL;
	if (copy)
		kept.list[kept.count++] = (struct message){
			.level = kept.expected ? LIBBPF_DEBUG : level,
			.text = copy,
		};
	return 0;
}

void messages_init(void)
{
	libbpf_set_print(keep);
}

void messages_drop(void)
{
	for (size_t i = 0; i < kept.count; i++)
		free(kept.list[i].text);
	kept.count = 0;
	kept.keeping = false;
	kept.expected = false;
}

void messages_begin(void)
{
	messages_drop();
	kept.keeping = true;
}

void messages_expected(bool expected)
{
	kept.expected = expected;
}

static const char *level_name(enum libbpf_print_level level)
{
	switch (level) {
	case LIBBPF_WARN:
		return "warn";
	case LIBBPF_INFO:
		return "info";
	default:
		return "debug";
	}
}

/*
 * Moves all messages into an array [level, text, level, text, …] first, since the function that gets them may call the
 * addon again, which starts a new list.
 */
static bool take(napi_env env, napi_value *array, uint32_t *length)
{
	bool taken = napi_create_array(env, array) == napi_ok;

	*length = 0;
	for (size_t i = 0; taken && i < kept.count; i++) {
		napi_value level, text;

		taken = napi_create_string_utf8(env, level_name(kept.list[i].level), NAPI_AUTO_LENGTH, &level) == napi_ok &&
			napi_create_string_utf8(env, kept.list[i].text, NAPI_AUTO_LENGTH, &text) == napi_ok &&
			napi_set_element(env, *array, (*length)++, level) == napi_ok &&
			napi_set_element(env, *array, (*length)++, text) == napi_ok;
	}
	messages_drop();
	return taken;
}

bool messages_deliver(napi_env env, napi_value function)
{
	napi_value array, receiver;
	uint32_t length;

	if (!take(env, &array, &length) || napi_get_undefined(env, &receiver) != napi_ok)
		return false;
	for (uint32_t i = 0; i < length; i += 2) {
		napi_value arguments[2];

		if (napi_get_element(env, array, i, &arguments[0]) != napi_ok ||
		    napi_get_element(env, array, i + 1, &arguments[1]) != napi_ok ||
		    napi_call_function(env, receiver, function, 2, arguments, NULL) != napi_ok)
			return false;
	}
	return true;
}
