#include "worker.h"

#include <stdlib.h>

#define IDLE_AFTER_S 0.5

enum {
    /* The audio thread must not make a system call, so it cannot wake us: we look. The millisecond comes out of the round trip's
       17 (docs/adr/0006). */
    PAUSE_MS = 1,
    IDLE_PAUSE_MS = 4 /* when the host has stopped calling */
};

struct Worker {
    Exchange exchange;
    PlatformThread *thread;
    _Atomic bool is_stopping;
};

static void run(void *context)
{
    Worker *worker = context;
    Exchange *exchange = &worker->exchange;
    double active_at_s = platform_now_s();
    while (!atomic_load(&worker->is_stopping)) {
        bool has_input = exchange_take_input(exchange);
        double now_s = platform_now_s();
        exchange_advance(exchange, now_s);
        active_at_s = has_input ? now_s : active_at_s;
        int pause_ms = now_s - active_at_s > IDLE_AFTER_S ? IDLE_PAUSE_MS : PAUSE_MS;
        /* Stems that are held leave bytes in the socket unread: waiting for those would not wait at all. */
        int handle = exchange->held == NULL ? exchange->link.handle : -1;
        platform_socket_wait(handle, link_has_outgoing(&exchange->link), pause_ms);
    }
    exchange_end(exchange);
}

Worker *worker_start(Crossing *crossing, Status *status, const Settings *settings)
{
    Worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return NULL;
    }
    bool done = exchange_create(&worker->exchange, crossing, status, settings);
    worker->thread = done ? platform_thread_start(run, worker) : NULL;
    if (worker->thread == NULL) {
        exchange_destroy(&worker->exchange);
        free(worker);
        return NULL;
    }
    return worker;
}

void worker_stop(Worker *worker)
{
    if (worker == NULL) {
        return;
    }
    atomic_store(&worker->is_stopping, true);
    platform_thread_join(worker->thread);
    exchange_destroy(&worker->exchange);
    free(worker);
}
