#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "platform_thread.h"

enum { WORKER_PRIORITY = 5 }; /* as the server's own I/O thread; below audio threads */

struct PlatformThread {
    pthread_t handle;
    void (*run)(void *context);
    void *context;
};

struct PlatformLock {
    pthread_mutex_t mutex;
};

static void *enter(void *argument)
{
    PlatformThread *thread = argument;
    struct sched_param priority = {.sched_priority = WORKER_PRIORITY};
    pthread_setschedparam(pthread_self(), SCHED_RR, &priority); /* not granted: then without */
    thread->run(thread->context);
    return NULL;
}

PlatformThread *platform_thread_start(void (*run)(void *context), void *context)
{
    PlatformThread *thread = malloc(sizeof *thread);
    sigset_t all, before;
    if (thread == NULL) {
        return NULL;
    }
    thread->run = run;
    thread->context = context;
    sigfillset(&all); /* the host's signals are for the host's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread->handle, NULL, enter, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        free(thread);
        return NULL;
    }
    return thread;
}

void platform_thread_join(PlatformThread *thread)
{
    pthread_join(thread->handle, NULL);
    free(thread);
}

PlatformLock *platform_lock_create(void)
{
    PlatformLock *lock = malloc(sizeof *lock);
    if (lock != NULL && pthread_mutex_init(&lock->mutex, NULL) != 0) {
        free(lock);
        return NULL;
    }
    return lock;
}

void platform_lock_destroy(PlatformLock *lock)
{
    if (lock != NULL) {
        pthread_mutex_destroy(&lock->mutex);
        free(lock);
    }
}

void platform_lock(PlatformLock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

void platform_unlock(PlatformLock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

double platform_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void platform_sleep_us(uint32_t microseconds)
{
    struct timespec pause = {.tv_sec = microseconds / 1000000, .tv_nsec = 1000L * (microseconds % 1000000)};
    nanosleep(&pause, NULL);
}
