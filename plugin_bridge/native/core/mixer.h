/* From parameters to what is heard. Every output bus is a sum of two: alpha x dry + beta x vocals, since the instrumental is what
   the vocals leave of the dry signal. So gains, mute, solo, focus, dry/wet and bypass are two numbers per bus, ramped. */
#ifndef PHOENIX_MIXER_H
#define PHOENIX_MIXER_H

#include "parameters.h"

typedef struct {
    float now, target, step;
} Ramp;

typedef struct {
    Ramp dry[STEMS_MAXIMUM_BUSES], vocals[STEMS_MAXIMUM_BUSES];
    uint32_t ramp_frames, left_frames;
    StemsKind kind;
} Mixer;

/* Starts at what the parameters say, without a ramp. */
void mixer_reset(Mixer *mixer, StemsKind kind, uint32_t rate_hz, const Parameters *parameters) STEMS_NONBLOCKING;

/* Ramps to what the parameters say now, in 20 ms; once per block. */
void mixer_update(Mixer *mixer, const Parameters *parameters) STEMS_NONBLOCKING;

/* One bus of one channel. All channels and buses of a block start from the same point of the ramp; mixer_advance ends the block. */
void mixer_mix(const Mixer *mixer, int bus, const float *dry, const float *vocals, float *to, uint32_t frames) STEMS_NONBLOCKING;
void mixer_advance(Mixer *mixer, uint32_t frames) STEMS_NONBLOCKING;

#endif
