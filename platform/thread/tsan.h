// What ThreadSanitizer has to be told, because Debian builds gRPC without it
// and it does not see gRPC's locks. Nothing in any other build.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define PLATFORM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLATFORM_TSAN 1
#endif
#endif

#ifdef PLATFORM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace platform::tsan {

// What a thread wrote before it handed `what` over may be read by the thread
// that takes it over, as gRPC promises of what it is given.
inline void HandOver([[maybe_unused]] void* what) {
#ifdef PLATFORM_TSAN
  __tsan_release(what);
#endif
}
inline void TakeOver([[maybe_unused]] void* what) {
#ifdef PLATFORM_TSAN
  __tsan_acquire(what);
#endif
}

// From who starts a server, or is a test's client, to the server's handlers;
inline char to_handlers = 0;
// and from those to a test's client. (Not from one handler to another.)
inline char to_clients = 0;

}  // namespace platform::tsan
