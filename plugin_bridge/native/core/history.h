/* The last seconds of dry input, by absolute position: what is sent to the server, and the pre-roll of a new one. */
#ifndef PHOENIX_HISTORY_H
#define PHOENIX_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "block_ring.h"

typedef struct {
    float *samples[BLOCK_MAXIMUM_CHANNELS]; /* [channel][capacity] */
    uint32_t channels;
    int64_t capacity_frames, origin_samples, end_samples;
} History;

bool history_create(History *history, uint32_t channels, int64_t capacity_frames); /* false without memory */
void history_destroy(History *history);

void history_reset(History *history, int64_t position_samples) STEMS_NONBLOCKING;

/* Position of the oldest frame still held. */
int64_t history_start(const History *history) STEMS_NONBLOCKING;

/* Appends at this position; what was lost before it is silence. Positions before the end are refused. */
void history_write(History *history, int64_t position_samples, const float *const *samples, uint32_t frames) STEMS_NONBLOCKING;

/* Copies frames from this position; what was never written, or is gone, reads as silence. */
void history_read(const History *history, int64_t position_samples, uint32_t frames, float *const *to) STEMS_NONBLOCKING;

#endif
