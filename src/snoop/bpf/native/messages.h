// SPDX-License-Identifier: Apache-2.0
// What libbpf says during a call, kept until the call is over: no JavaScript runs while libbpf works.
#ifndef MACIPD_MESSAGES_H
#define MACIPD_MESSAGES_H

#include "arguments.h"

void messages_init(void);
/* Keeps what libbpf says on this thread from now on. */
void messages_begin(void);
/* Between true and false, warnings are expected and kept as debug messages. */
void messages_expected(bool expected);
/* Calls function(level: 'warn' | 'info' | 'debug', text) for each message; false if it threw. */
bool messages_deliver(napi_env env, napi_value function);
/* Forgets them instead. */
void messages_drop(void);

#endif
