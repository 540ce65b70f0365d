#include "stem_ring.h"

#include <stdlib.h>
#include <string.h>

bool stem_ring_create(StemRing *ring, uint32_t channels, int64_t capacity_frames)
{
    *ring = (StemRing){.channels = channels, .capacity_frames = capacity_frames};
    ring->valid = calloc((size_t)capacity_frames, 1);
    bool done = ring->valid != NULL;
    for (uint32_t c = 0; c < channels; c++) {
        ring->samples[c] = calloc((size_t)capacity_frames, sizeof(float));
        done = done && ring->samples[c] != NULL;
    }
    return done;
}

void stem_ring_destroy(StemRing *ring)
{
    free(ring->valid);
    ring->valid = NULL;
    for (uint32_t c = 0; c < BLOCK_MAXIMUM_CHANNELS; c++) {
        free(ring->samples[c]);
        ring->samples[c] = NULL;
    }
}

/* The index of a position that may be negative, before the origin. */
static int64_t index_of(const StemRing *ring, int64_t position_samples) STEMS_NONBLOCKING
{
    int64_t index = position_samples % ring->capacity_frames;
    return index < 0 ? index + ring->capacity_frames : index;
}

void stem_ring_reset(StemRing *ring, int64_t position_samples) STEMS_NONBLOCKING
{
    memset(ring->valid, 0, (size_t)ring->capacity_frames);
    ring->read_samples = ring->written_samples = position_samples;
}

/* Marks frames as not arrived, at most the whole ring. */
static void forget(StemRing *ring, int64_t first, int64_t last) STEMS_NONBLOCKING
{
    if (last - first > ring->capacity_frames) {
        first = last - ring->capacity_frames;
    }
    for (int64_t at = first; at < last; at++) {
        ring->valid[index_of(ring, at)] = 0;
    }
}

void stem_ring_move(StemRing *ring, int64_t position_samples) STEMS_NONBLOCKING
{
    int64_t end = position_samples + ring->capacity_frames;
    if (position_samples > ring->read_samples) {
        forget(ring, ring->read_samples, position_samples);
    } else {
        forget(ring, end, ring->read_samples + ring->capacity_frames); /* now too far ahead to be kept */
    }
    ring->read_samples = position_samples;
    ring->written_samples = ring->written_samples > end ? end : ring->written_samples;
    ring->written_samples = ring->written_samples < position_samples ? position_samples : ring->written_samples;
}

void stem_ring_write(StemRing *ring, int64_t position_samples, const float *const *samples, uint32_t frames) STEMS_NONBLOCKING
{
    int64_t first = position_samples > ring->read_samples ? position_samples : ring->read_samples;
    int64_t limit = ring->read_samples + ring->capacity_frames;
    int64_t last = position_samples + frames < limit ? position_samples + frames : limit;
    for (int64_t at = first; at < last;) {
        int64_t index = index_of(ring, at);
        int64_t run = ring->capacity_frames - index < last - at ? ring->capacity_frames - index : last - at;
        for (uint32_t c = 0; c < ring->channels; c++) {
            memcpy(ring->samples[c] + index, samples[c] + (at - position_samples), (size_t)run * sizeof(float));
        }
        memset(ring->valid + index, 1, (size_t)run);
        at += run;
    }
    if (first < last && last > ring->written_samples) {
        ring->written_samples = last;
    }
}

void stem_ring_read(StemRing *ring, float *const *to, uint8_t *valid, uint32_t frames) STEMS_NONBLOCKING
{
    for (uint32_t i = 0; i < frames; i++) {
        int64_t index = index_of(ring, ring->read_samples + i);
        valid[i] = ring->valid[index];
        ring->valid[index] = 0;
        for (uint32_t c = 0; c < ring->channels; c++) {
            to[c][i] = valid[i] ? ring->samples[c][index] : 0.0F;
        }
    }
    ring->read_samples += frames;
    if (ring->written_samples < ring->read_samples) {
        ring->written_samples = ring->read_samples;
    }
}

bool stem_ring_has(const StemRing *ring, int64_t position_samples, int64_t frames) STEMS_NONBLOCKING
{
    if (position_samples < ring->read_samples || frames > ring->capacity_frames) {
        return false;
    }
    for (int64_t i = 0; i < frames; i++) {
        if (!ring->valid[index_of(ring, position_samples + i)]) {
            return false;
        }
    }
    return true;
}
