// SPDX-License-Identifier: Apache-2.0
#ifndef MACIPD_CHAIN_H
#define MACIPD_CHAIN_H

#include "arguments.h"

/* The kernel's limit (BPF_MPROG_MAX). */
#define TCX_MAX 64

/* Declared in ../native.ts. */
napi_value tcx_chain(napi_env env, napi_callback_info info);

#endif
