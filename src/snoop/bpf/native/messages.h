// SPDX-License-Identifier: Apache-2.0
// Collects libbpf's messages during a call and delivers them after it: JavaScript must not run while libbpf works.
#ifndef MACIPD_MESSAGES_H
#define MACIPD_MESSAGES_H

#include "arguments.h"

void messages_init(void);
/* Starts to collect the messages that libbpf prints on this thread. */
void messages_begin(void);
/* While true, warnings are expected and kept as debug messages. */
void messages_expected(bool expected);
/* Calls function(level: 'warn' | 'info' | 'debug', text) for each message; false if it threw. */
bool messages_deliver(napi_env env, napi_value function);
/* Drops the messages instead of delivering them. */
void messages_drop(void);

#endif
