/* An instance from within: for plugin.c and plugin_audio.c. */
#ifndef PHOENIX_PLUGIN_H
#define PHOENIX_PLUGIN_H

#include "crossing.h"
#include "player.h"
#include "status.h"
#include "worker.h"

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
    _Atomic bool has_failed;       /* a render went wrong, and goes on */
    int64_t alarm_frames;          /* since it did */
    float *received[BLOCK_MAXIMUM_CHANNELS]; /* scratch, [channel][BLOCK_PIECE_FRAMES] */
    _Atomic uint64_t blocks, lost_frames;
};

#endif
