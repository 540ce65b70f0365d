/* What an exchange knows, for the files that carry it on; what may be done with it is in exchange.h. */
#ifndef PHOENIX_EXCHANGE_STATE_H
#define PHOENIX_EXCHANGE_STATE_H

#include "crossing.h"
#include "history.h"
#include "launcher.h"
#include "link.h"
#include "status.h"
#include "wire.h"

typedef enum {
    EXCHANGE_WAITING,    /* for the next attempt */
    EXCHANGE_CONNECTING, /* socket and ZMTP */
    EXCHANGE_HELLO,      /* waits for welcome */
    EXCHANGE_OPENING,    /* waits for opened */
    EXCHANGE_STREAMING
} ExchangeState;

typedef struct {
    Crossing *crossing;
    Status *status;
    const Settings *settings;
    Link link;
    Launcher launcher;
    History history;
    float *scratch[BLOCK_MAXIMUM_CHANNELS]; /* [channel][SCRATCH_FRAMES] */
    ExchangeState state;
    double deadline_s, back_off_s;
    int redirects;
    char endpoint[PHOENIX_MAXIMUM_TEXT_BYTES + 1];
    /* the stream that is wanted, or open */
    uint32_t stream;
    Profile profile;
    bool is_freewheeling;
    int64_t maximum_block_frames;  /* of the server */
    int64_t start_samples;         /* of the first audio */
    int64_t round_trip_samples;    /* granted; 0: ask for the minimum */
    uint32_t round_trip_extra[PROFILE_COUNT];
    /* while streaming */
    WireLatency latency;
    int64_t preroll_samples;       /* position of the next part; start_samples: done */
    int64_t cursor_samples;        /* position of the next audio */
    int64_t received_samples;      /* behind the last stems */
    int64_t credit_frames;
    uint64_t sequence;
    double heard_at_s, sent_at_s, patience_s;
    /* stems for which there is no room yet */
    const uint8_t *held;           /* NULL: none */
    int64_t held_position_samples, held_frames, held_done_frames;
} Exchange;

#endif
