#pragma once
// The single place that includes napi.h: its configuration macros come from CMakeLists.txt.
#include <napi.h>

#if !defined(NAPI_CPP_EXCEPTIONS) || !defined(NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS)
#error "build with the definitions of CMakeLists.txt"
#endif
