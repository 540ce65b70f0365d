/* An instance from within: for plugin.c and plugin_audio.c. */
#ifndef PHOENIX_PLUGIN_H
#define PHOENIX_PLUGIN_H

#include "crossing.h"
#include "player.h"
#include "status.h"
#include "worker.h"

typedef enum {
    RENDER_FINE = 0,
    RENDER_WITHOUT_STEMS, /* they did not come */
    RENDER_OUT_OF_PLACE   /* a server found on the way needs more latency than the host was told */
} RenderFailure;

struct StemsPlugin {
    StemsKind kind;
    Parameters parameters;
    Status status;
    Settings settings;
    Crossing crossing; /* of the last activation; so latency and statistics outlive it */
    Player player;
    Worker *worker;
    _Atomic bool is_active;
    bool is_offline, is_started;   /* audio thread: the last call; whether there was one */
    int64_t render_start_samples;  /* of the first offline call after others */
    _Atomic int failure;           /* RenderFailure: a render went wrong, and goes on */
    int64_t alarm_frames;          /* since it did */
    float *received[BLOCK_MAXIMUM_CHANNELS]; /* scratch, [channel][BLOCK_PIECE_FRAMES] */
    _Atomic uint64_t blocks, lost_frames;
};

#endif
