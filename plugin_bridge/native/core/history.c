#include "history.h"

#include <stdlib.h>
#include <string.h>

bool history_create(History *history, uint32_t channels, int64_t capacity_frames)
{
    *history = (History){.channels = channels, .capacity_frames = capacity_frames};
    for (uint32_t c = 0; c < channels; c++) {
        history->samples[c] = calloc((size_t)capacity_frames, sizeof(float));
        if (history->samples[c] == NULL) {
            return false;
        }
    }
    return true;
}

void history_destroy(History *history)
{
    for (uint32_t c = 0; c < BLOCK_MAXIMUM_CHANNELS; c++) {
        free(history->samples[c]);
        history->samples[c] = NULL;
    }
}

void history_reset(History *history, int64_t position_samples) STEMS_NONBLOCKING
{
    history->origin_samples = history->end_samples = position_samples;
}

int64_t history_start(const History *history) STEMS_NONBLOCKING
{
    int64_t oldest = history->end_samples - history->capacity_frames;
    return oldest > history->origin_samples ? oldest : history->origin_samples;
}

/* Writes a run of samples, or silence, at the end. */
static void append(History *history, const float *const *samples, int64_t offset, int64_t frames) STEMS_NONBLOCKING
{
    while (frames > 0) {
        int64_t index = history->end_samples % history->capacity_frames;
        int64_t run = history->capacity_frames - index < frames ? history->capacity_frames - index : frames;
        for (uint32_t c = 0; c < history->channels; c++) {
            float *to = history->samples[c] + index;
            if (samples == NULL) {
                memset(to, 0, (size_t)run * sizeof *to);
            } else {
                memcpy(to, samples[c] + offset, (size_t)run * sizeof *to);
            }
        }
        history->end_samples += run;
        offset += run;
        frames -= run;
    }
}

void history_write(History *history, int64_t position_samples, const float *const *samples, uint32_t frames) STEMS_NONBLOCKING
{
    int64_t gap = position_samples - history->end_samples;
    if (gap < 0) {
        return;
    }
    if (gap > history->capacity_frames) {
        history_reset(history, position_samples);
        gap = 0;
    }
    append(history, NULL, 0, gap);
    append(history, samples, 0, frames);
}

void history_read(const History *history, int64_t position_samples, uint32_t frames, float *const *to) STEMS_NONBLOCKING
{
    int64_t last = position_samples + frames, at = position_samples;
    int64_t start = history_start(history);
    while (at < last) {
        int64_t run = last - at, index = 0;
        bool is_silence = at < start || at >= history->end_samples;
        if (at < start && start < last) {
            run = start - at;
        } else if (!is_silence) {
            int64_t available = history->end_samples < last ? history->end_samples - at : last - at;
            index = at % history->capacity_frames;
            run = history->capacity_frames - index < available ? history->capacity_frames - index : available;
        }
        for (uint32_t c = 0; c < history->channels; c++) {
            float *destination = to[c] + (at - position_samples);
            if (is_silence) {
                memset(destination, 0, (size_t)run * sizeof(float));
            } else {
                memcpy(destination, history->samples[c] + index, (size_t)run * sizeof(float));
            }
        }
        at += run;
    }
}
