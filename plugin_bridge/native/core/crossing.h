/* Everything that the audio thread and the worker share: two rings and a few atomics. Made before the worker starts, gone after it ended. */
#ifndef PHOENIX_CROSSING_H
#define PHOENIX_CROSSING_H

#include <stdatomic.h>

#include "block_ring.h"
#include "latency.h"

typedef struct {
    uint32_t rate_hz, channels, max_block_frames;
    LatencyBudget budgets[PROFILE_COUNT];
    uint32_t maximum_latency_samples;  /* what memory is there for */
    Ring to_worker, from_worker;       /* block rings: dry input; vocals */
    _Atomic int profile;               /* wanted, by the audio thread */
    _Atomic bool offline;              /* wanted: a lossless stream */
    _Atomic int64_t needed_samples;    /* position of the first stems that are still of use */
    _Atomic uint32_t extra_samples[PROFILE_COUNT]; /* by the worker: how much more the server needs than its budget says */
    _Atomic bool is_hopeless;          /* by the worker: no server, and none is starting */
    _Atomic uint64_t openings;         /* by the worker: streams opened after a connection */
} Crossing;

/* False without memory; destroy is safe then, and on a zeroed Crossing. */
bool crossing_create(Crossing *crossing, uint32_t rate_hz, uint32_t channels, uint32_t max_block_frames);
void crossing_destroy(Crossing *crossing);

/* What is reported to the host for this profile. */
uint32_t crossing_latency(const Crossing *crossing, Profile profile) STEMS_NONBLOCKING;

#endif
