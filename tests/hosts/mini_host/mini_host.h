/* A host in miniature for Phoenix Stems Mix, one file for each format: what a DAW does in real time, without a DAW. */
#ifndef MINI_HOST_H
#define MINI_HOST_H

#include "identity.h"

enum { CHANNELS = 2 };

typedef struct {
    const float *input[CHANNELS];
    float *output[CHANNELS];
    uint32_t frames;
    double vocals_gain_db; /* a parameter that changes as often as it likes; the vocals are muted */
} MiniBlock;

typedef struct {
    const char *name;
    /* Makes one active instance with muted vocals of what dlopen has opened. */
    bool (*open)(void *library, double rate_hz, uint32_t block_frames, bool offline);
    /* The audio callback; false when the plugin says that it failed. */
    bool (*play)(const MiniBlock *block) STEMS_NONBLOCKING;
    double (*status)(void); /* StemsStatus, as the plugin last told it */
    uint32_t (*latency_samples)(void);
    void (*close)(void);
} MiniFormat;

extern const MiniFormat mini_lv2, mini_vst3, mini_clap;

#endif
