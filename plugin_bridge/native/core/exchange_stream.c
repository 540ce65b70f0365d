/* An open stream: pre-roll, audio, stems, and noticing when they stay away (PROTOCOL.md sections 5 and 6). */
#include <math.h>
#include <string.h>

#include "exchange_internal.h"

#define REBUILD_PATIENCE_S 10.0  /* for the first stems after pre-roll */
#define LIVE_PATIENCE_S 1.0
#define FREEWHEEL_PATIENCE_S 30.0 /* renders run beside live work, and wait for it */
#define KEEP_ALIVE_S 3.0

static int64_t server_total(const Exchange *exchange)
{
    const WireLatency *terms = &exchange->latency;
    return terms->hop + terms->synthesis_overlap + terms->look_ahead + terms->resampler;
}

void exchange_begin_stream(Exchange *exchange, double now_s)
{
    int64_t oldest = history_start(&exchange->history);
    exchange->state = EXCHANGE_STREAMING;
    exchange->sequence = 0;
    exchange->cursor_samples = exchange->received_samples = exchange->start_samples;
    exchange->preroll_samples = exchange->preroll_samples > oldest ? exchange->preroll_samples : oldest;
    exchange->heard_at_s = exchange->sent_at_s = now_s;
    exchange->patience_s = exchange->is_freewheeling ? FREEWHEEL_PATIENCE_S : REBUILD_PATIENCE_S;
    atomic_store(&exchange->crossing->is_hopeless, false);
    atomic_fetch_add(&exchange->crossing->openings, 1);
    if (oldest > exchange->start_samples) { /* the host jumped while the stream was being opened */
        exchange_seek(exchange, oldest);
    }
    status_set(exchange->status, STEMS_STATUS_CONNECTED, "connected to %s, profile %s", exchange->endpoint,
               profile_name(exchange->profile));
}

void exchange_seek(Exchange *exchange, int64_t position_samples)
{
    uint8_t header[WIRE_HEADER_BYTES];
    if (position_samples > exchange->history.origin_samples) {
        history_reset(&exchange->history, position_samples);
    }
    if (exchange->state != EXCHANGE_STREAMING) {
        return;
    }
    exchange->cursor_samples = exchange->preroll_samples = exchange->start_samples = position_samples;
    if (exchange->received_samples < position_samples) {
        exchange->received_samples = position_samples;
    }
    if (!exchange_send(exchange, header, wire_seek(header, exchange->stream, position_samples))) {
        link_close(&exchange->link); /* nobody reads; the next step notices */
    }
}

/* ---- Out ---- */

static bool send_samples(Exchange *exchange, const uint8_t *header, size_t length, int64_t position_samples,
                         uint32_t frames)
{
    const void *parts[BLOCK_MAXIMUM_CHANNELS] = {exchange->scratch[0], exchange->scratch[1]};
    history_read(&exchange->history, position_samples, frames, exchange->scratch);
    return link_send(&exchange->link, header, length, parts, exchange->crossing->channels, frames * sizeof(float));
}

static uint32_t smaller(int64_t frames, int64_t limit)
{
    return (uint32_t)(frames < limit ? frames : limit);
}

static void send_preroll(Exchange *exchange)
{
    uint8_t header[WIRE_HEADER_BYTES];
    while (exchange->preroll_samples < exchange->start_samples) {
        uint32_t frames = smaller(exchange->start_samples - exchange->preroll_samples, SCRATCH_FRAMES);
        bool is_last = exchange->preroll_samples + frames == exchange->start_samples;
        size_t length = wire_preroll(header, exchange->stream, exchange->preroll_samples, is_last,
                                     exchange->crossing->channels, frames);
        if (!send_samples(exchange, header, length, exchange->preroll_samples, frames)) {
            return;
        }
        exchange->preroll_samples += frames;
    }
}

/* How much the next block may hold. */
static int64_t allowance(const Exchange *exchange)
{
    int64_t limit = exchange->crossing->max_block_frames;
    limit = limit < exchange->maximum_block_frames ? limit : exchange->maximum_block_frames;
    limit = limit < SCRATCH_FRAMES ? limit : SCRATCH_FRAMES;
    if (exchange->is_freewheeling) {
        int64_t credit = exchange->credit_frames - (exchange->cursor_samples - exchange->received_samples);
        limit = limit < credit ? limit : credit;
    }
    return limit;
}

static void send_audio(Exchange *exchange, double now_s)
{
    uint8_t header[WIRE_HEADER_BYTES];
    while (exchange->cursor_samples < exchange->history.end_samples && allowance(exchange) > 0) {
        uint32_t frames = smaller(exchange->history.end_samples - exchange->cursor_samples, allowance(exchange));
        size_t length = wire_audio(header, exchange->stream, exchange->sequence, exchange->cursor_samples,
                                   exchange->crossing->channels, frames);
        if (!send_samples(exchange, header, length, exchange->cursor_samples, frames)) {
            return;
        }
        exchange->cursor_samples += frames;
        exchange->sequence++;
        exchange->sent_at_s = now_s;
    }
}

static void keep_alive(Exchange *exchange, double now_s)
{
    uint8_t header[WIRE_HEADER_BYTES];
    if (now_s - exchange->sent_at_s > KEEP_ALIVE_S) {
        exchange_send(exchange, header, wire_ping(header, exchange->stream));
        exchange->sent_at_s = now_s;
    }
}

/* A render needs earlier stems than this stream has where its delay became longer. */
static bool begins_too_late(const Exchange *exchange)
{
    return exchange->is_freewheeling && exchange_start_position(exchange) < exchange->start_samples;
}

static bool wants_another_stream(const Exchange *exchange)
{
    return begins_too_late(exchange) || (Profile)atomic_load(&exchange->crossing->profile) != exchange->profile ||
           atomic_load(&exchange->crossing->offline) != exchange->is_freewheeling;
}

static void change_stream(Exchange *exchange, double now_s)
{
    uint8_t header[WIRE_HEADER_BYTES];
    exchange->held = NULL;
    exchange_send(exchange, header, wire_close(header, exchange->stream));
    exchange_open(exchange, now_s);
}

/* Gives the server up when what it owes has stayed away for too long; not taking our audio comes to the same. */
static void notice_loss(Exchange *exchange, double now_s)
{
    int64_t owed = exchange->history.end_samples - exchange->received_samples - server_total(exchange);
    int64_t margin = exchange->is_freewheeling ? exchange->crossing->max_block_frames : exchange->crossing->rate_hz;
    if (owed <= margin) {
        exchange->heard_at_s = exchange->is_freewheeling ? now_s : exchange->heard_at_s;
    } else if (exchange->held == NULL && now_s - exchange->heard_at_s > exchange->patience_s) {
        exchange_lose(exchange, now_s, "the server sends no more stems");
    }
}

void exchange_run_stream(Exchange *exchange, double now_s)
{
    if (wants_another_stream(exchange)) {
        change_stream(exchange, now_s);
        return;
    }
    bool is_prerolling = exchange->preroll_samples < exchange->start_samples;
    int64_t next = is_prerolling ? exchange->preroll_samples : exchange->cursor_samples;
    if (next < history_start(&exchange->history)) {
        exchange_lose(exchange, now_s, "the server takes no audio");
        return;
    }
    send_preroll(exchange);
    if (exchange->preroll_samples >= exchange->start_samples) {
        send_audio(exchange, now_s);
    }
    keep_alive(exchange, now_s);
    notice_loss(exchange, now_s);
}

/* ---- In ---- */

/* Copies floats from anywhere in memory; whatever a server sends, no NaN or infinity gets into a host. */
static void copy_finite(float *to, const uint8_t *from, uint32_t frames)
{
    memcpy(to, from, frames * sizeof *to);
    for (uint32_t i = 0; i < frames; i++) {
        to[i] = isfinite(to[i]) ? to[i] : 0.0F;
    }
}

static bool deliver_piece(Exchange *exchange, uint32_t frames)
{
    const float *samples[BLOCK_MAXIMUM_CHANNELS] = {exchange->scratch[0], exchange->scratch[1]};
    for (uint32_t c = 0; c < exchange->crossing->channels; c++) {
        int64_t offset = (int64_t)c * exchange->held_frames + exchange->held_done_frames;
        copy_finite(exchange->scratch[c], exchange->held + (size_t)offset * sizeof(float), frames);
    }
    return block_ring_write(&exchange->crossing->from_worker, exchange->held_position_samples + exchange->held_done_frames,
                            samples, exchange->crossing->channels, frames) == frames;
}

void exchange_deliver(Exchange *exchange)
{
    while (exchange->held != NULL) {
        uint32_t frames = smaller(exchange->held_frames - exchange->held_done_frames, BLOCK_PIECE_FRAMES);
        bool done = deliver_piece(exchange, frames);
        if (!done && exchange->is_freewheeling) {
            return; /* the host will make room */
        }
        exchange->held_done_frames += frames; /* live, what the host does not fetch is lost */
        if (exchange->held_done_frames >= exchange->held_frames) {
            exchange->held = NULL;
        }
    }
}

void exchange_receive_stems(Exchange *exchange, const WireMessage *message, const uint8_t *payload, double now_s)
{
    if (exchange->state != EXCHANGE_STREAMING || message->stream != exchange->stream) {
        return; /* of a stream that we have closed */
    }
    if (message->stem_count != 1 || message->channels != exchange->crossing->channels) {
        exchange_lose(exchange, now_s, "what answers breaks the protocol");
        return;
    }
    int64_t end = message->position_samples + message->frames;
    if (end > exchange->cursor_samples) {
        exchange_lose(exchange, now_s, "what answers sends stems of audio it never got");
        return;
    }
    exchange->received_samples = end > exchange->received_samples ? end : exchange->received_samples;
    exchange->heard_at_s = now_s;
    exchange->patience_s = exchange->is_freewheeling ? FREEWHEEL_PATIENCE_S : LIVE_PATIENCE_S;
    exchange->back_off_s = EXCHANGE_FIRST_BACK_OFF_S;
    exchange->held = payload;
    exchange->held_position_samples = message->position_samples;
    exchange->held_frames = message->frames;
    exchange->held_done_frames = 0;
    exchange_deliver(exchange);
}
