/* What is heard when stems are late: something else, faded to and back without a click.

   A block that did not arrive cannot be faded out: it is not there. So going down, the distance between the last sample played
   and the fallback is held and let decay; going up, the two are cross-faded. Either way the output is continuous, at every seam, and
   also when one fade interrupts another. The same as plugin_bridge/fallback.py. */
#ifndef PHOENIX_FALLBACK_H
#define PHOENIX_FALLBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "block_ring.h"

typedef struct {
    float *fall, *rise; /* [fade_frames + 1]: raised cosines, from 1 to 0 and from 0 to 1 */
    uint32_t fade_frames;
} FadeShape;

bool fade_shape_create(FadeShape *shape, uint32_t rate_hz); /* 5 ms; false without memory */
void fade_shape_destroy(FadeShape *shape);

/* Where one bus's fades stand. */
typedef struct {
    float last_output[BLOCK_MAXIMUM_CHANNELS], last_instead[BLOCK_MAXIMUM_CHANNELS], offset[BLOCK_MAXIMUM_CHANNELS];
    uint32_t since_down, since_up; /* frames; fade_frames: over */
    bool has_arrived, is_jumping;
} Fallback;

void fallback_reset(Fallback *fallback, const FadeShape *shape) STEMS_NONBLOCKING;

/* Lets the distance between what was played last and what comes next decay, because they do not belong together. */
void fallback_jump(Fallback *fallback) STEMS_NONBLOCKING;

/* Replaces frames of `samples` [channel][frame] that are not `valid` by `instead`, with fades between, in place. */
void fallback_apply(Fallback *fallback, const FadeShape *shape, float *const *samples, const uint8_t *valid,
                    const float *const *instead, uint32_t channels, uint32_t frames) STEMS_NONBLOCKING;

#endif
