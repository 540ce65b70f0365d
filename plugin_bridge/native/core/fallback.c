#include "fallback.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FADE_SECONDS 0.005
#define HALF_TURN 3.14159265358979323846

bool fade_shape_create(FadeShape *shape, uint32_t rate_hz)
{
    uint32_t frames = (uint32_t)ceil(FADE_SECONDS * rate_hz);
    shape->fade_frames = frames > 0 ? frames : 1;
    shape->fall = malloc((shape->fade_frames + 1) * sizeof(float));
    shape->rise = malloc((shape->fade_frames + 1) * sizeof(float));
    for (uint32_t i = 0; shape->fall != NULL && shape->rise != NULL && i <= shape->fade_frames; i++) {
        shape->fall[i] = (float)(0.5 * (1.0 + cos(HALF_TURN * i / shape->fade_frames)));
        shape->rise[i] = 1.0F - shape->fall[i];
    }
    return shape->fall != NULL && shape->rise != NULL;
}

void fade_shape_destroy(FadeShape *shape)
{
    free(shape->fall);
    free(shape->rise);
    shape->fall = shape->rise = NULL;
}

void fallback_reset(Fallback *fallback, const FadeShape *shape) STEMS_NONBLOCKING
{
    memset(fallback, 0, sizeof *fallback);
    fallback->since_down = fallback->since_up = shape->fade_frames;
    fallback->has_arrived = true;
}

void fallback_jump(Fallback *fallback) STEMS_NONBLOCKING
{
    fallback->is_jumping = true;
}

/* Starts a fade if the stem has just gone or come back. */
static void turn(Fallback *fallback, bool arrived, uint32_t channels) STEMS_NONBLOCKING
{
    if (fallback->has_arrived && !arrived) {
        for (uint32_t c = 0; c < channels; c++) {
            fallback->offset[c] = fallback->last_output[c] - fallback->last_instead[c];
        }
        fallback->since_down = 0;
    }
    if (arrived && !fallback->has_arrived) {
        fallback->since_up = 0;
    }
    fallback->has_arrived = arrived;
}

static uint32_t advance(uint32_t *since, uint32_t limit) STEMS_NONBLOCKING
{
    *since += *since < limit ? 1 : 0;
    return *since;
}

static void apply_frame(Fallback *fallback, const FadeShape *shape, float *const *samples, const float *const *instead,
                        uint32_t channels, uint32_t i) STEMS_NONBLOCKING
{
    bool jumps = fallback->is_jumping;
    if (jumps) {
        fallback->since_down = 0;
        fallback->is_jumping = false;
    }
    float decay = shape->fall[advance(&fallback->since_down, shape->fade_frames)];
    float weight = fallback->has_arrived ? shape->rise[advance(&fallback->since_up, shape->fade_frames)] : 0.0F;
    for (uint32_t c = 0; c < channels; c++) {
        /* Not instead + (stem - instead) * weight: a stem at full weight must stay bit-exact. */
        float value = instead[c][i] * (1.0F - weight) + (fallback->has_arrived ? samples[c][i] * weight : 0.0F);
        if (jumps) {
            fallback->offset[c] = fallback->last_output[c] - value;
        }
        samples[c][i] = value + fallback->offset[c] * decay;
        fallback->last_output[c] = samples[c][i];
        fallback->last_instead[c] = instead[c][i];
    }
}

static bool is_settled(const Fallback *fallback, const FadeShape *shape) STEMS_NONBLOCKING
{
    return fallback->has_arrived && !fallback->is_jumping && fallback->since_up == shape->fade_frames &&
           fallback->since_down == shape->fade_frames;
}

void fallback_apply(Fallback *fallback, const FadeShape *shape, float *const *samples, const uint8_t *valid,
                    const float *const *instead, uint32_t channels, uint32_t frames) STEMS_NONBLOCKING
{
    for (uint32_t i = 0; i < frames; i++) {
        if (valid[i] && is_settled(fallback, shape)) {
            for (uint32_t c = 0; c < channels; c++) {
                fallback->last_output[c] = samples[c][i];
                fallback->last_instead[c] = instead[c][i];
            }
            continue;
        }
        turn(fallback, valid[i] != 0, channels);
        apply_frame(fallback, shape, samples, instead, channels, i);
    }
}
