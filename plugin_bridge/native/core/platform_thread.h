/* Threads, locks and clocks: one implementation file per platform. */
#ifndef PHOENIX_PLATFORM_THREAD_H
#define PHOENIX_PLATFORM_THREAD_H

#include <stdbool.h>
#include <stdint.h>

typedef struct PlatformThread PlatformThread;
typedef struct PlatformLock PlatformLock;

/* Runs run(context) on a thread of its own, all signals blocked, at real-time priority where the system grants it. NULL: cannot. */
PlatformThread *platform_thread_start(void (*run)(void *context), void *context);
void platform_thread_join(PlatformThread *thread); /* waits for its end, and frees it */

PlatformLock *platform_lock_create(void); /* NULL without memory */
void platform_lock_destroy(PlatformLock *lock);
void platform_lock(PlatformLock *lock);
void platform_unlock(PlatformLock *lock);

/* Monotonic, in seconds from an arbitrary origin. */
double platform_now_s(void);

void platform_sleep_us(uint32_t microseconds);

#endif
