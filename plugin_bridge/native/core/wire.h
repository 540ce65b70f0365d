/* The messages of protocol/PROTOCOL.md that this client sends and receives: headers to and from bytes. */
#ifndef PHOENIX_WIRE_H
#define PHOENIX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "phoenix_protocol.h"

/* ---- Sending: each writes a header and returns its length; all fit into WIRE_HEADER_BYTES. ---- */

enum { WIRE_HEADER_BYTES = 2048 };

typedef struct {
    uint32_t stream, rate_hz, channels, max_block_frames;
    const char *profile; /* the model is the server's default */
    const char *stem;    /* the only one asked for */
    bool freewheel;
    int64_t position_samples, round_trip_samples;
} WireOpen;

size_t wire_hello(uint8_t *header, const char *client);
size_t wire_open(uint8_t *header, const WireOpen *open);
size_t wire_audio(uint8_t *header, uint32_t stream, uint64_t sequence, int64_t position_samples, uint32_t channels,
                  uint32_t frames);
size_t wire_preroll(uint8_t *header, uint32_t stream, int64_t position_samples, bool last, uint32_t channels,
                    uint32_t frames);
size_t wire_seek(uint8_t *header, uint32_t stream, int64_t position_samples);
size_t wire_close(uint8_t *header, uint32_t stream);
size_t wire_ping(uint8_t *header, uint64_t token);
size_t wire_pong(uint8_t *header, uint64_t token);

/* ---- Receiving ---- */

typedef enum {
    WIRE_OTHER, /* a kind that we do not know, or never receive: to be ignored */
    WIRE_WELCOME,
    WIRE_OPENED,
    WIRE_STEMS,
    WIRE_PING,
    WIRE_PONG,
    WIRE_CLOSED,
    WIRE_ERROR
} WireKind;

typedef struct {
    int64_t hop, synthesis_overlap, look_ahead, resampler; /* samples */
} WireLatency;

typedef struct {
    WireKind kind;
    bool has_stream; /* only of errors is it a question */
    int64_t stream;
    int64_t major, minor, maximum_block_frames; /* welcome */
    WireLatency latency;                        /* opened, and the four below */
    int64_t minimum_round_trip_samples, credit_frames, preroll_frames;
    char redirect[PHOENIX_MAXIMUM_TEXT_BYTES + 1];
    int64_t position_samples, dropped_frames, channels, frames; /* stems, and the two below */
    char stem[PHOENIX_MAXIMUM_NAME_BYTES + 1]; /* the first name of `stems`; of opened too */
    int64_t stem_count;
    uint64_t token; /* ping, pong */
    char code[8];   /* error */
    char reason[PHOENIX_MAXIMUM_TEXT_BYTES + 1];
} WireMessage;

typedef enum { WIRE_OK = 0, WIRE_MALFORMED = 101, WIRE_LIMIT = 102, WIRE_INVALID = 106 } WireResult;

/* Decodes a message of one (payload NULL) or two frames. Unknown keys are skipped; what breaks PROTOCOL.md is refused, with the number of
   the protocol's error code. The payload's length is checked against channels, frames and stems. */
WireResult wire_decode(const uint8_t *header, size_t header_length, const uint8_t *payload, size_t payload_length,
                       WireMessage *message);

#endif
