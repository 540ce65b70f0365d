/* From nothing to an open stream (PROTOCOL.md sections 3 and 6.2, plugin_bridge/handshake.py). */
#include <stdio.h>
#include <string.h>

#include "exchange_internal.h"

#define CONNECT_TIMEOUT_S 3.0
#define OPEN_TIMEOUT_S 30.0 /* opening may load a model */
#define STARTING_PAUSE_S 0.2

enum { MAXIMUM_REDIRECTS = 3 };

#ifndef STEMS_VERSION
#define STEMS_VERSION "0"
#endif

static const char STEM[] = "vocals";

static void await_start(Exchange *exchange, double now_s)
{
    char why[STATUS_TEXT_BYTES] = "";
    if (launcher_advance(&exchange->launcher, now_s, why, sizeof why) == LAUNCH_WAITING) {
        atomic_store(&exchange->crossing->is_hopeless, false);
        status_set(exchange->status, STEMS_STATUS_STARTING, "%s", why);
        exchange->deadline_s = now_s + STARTING_PAUSE_S;
    } else if (exchange->settings->may_start) {
        exchange_refuse(exchange, now_s, "the server does not start", why);
    } else {
        exchange_lose(exchange, now_s, why);
    }
}

void exchange_attempt(Exchange *exchange, double now_s)
{
    switch (link_open(&exchange->link, exchange->endpoint)) {
    case SOCKET_DONE:
    case SOCKET_WAITING:
        exchange->state = EXCHANGE_CONNECTING;
        exchange->deadline_s = now_s + CONNECT_TIMEOUT_S;
        break;
    case SOCKET_ABSENT:
        await_start(exchange, now_s);
        break;
    case SOCKET_FAILED:
    default:
        exchange_lose(exchange, now_s, exchange->link.why);
    }
}

void exchange_say_hello(Exchange *exchange, double now_s)
{
    uint8_t header[WIRE_HEADER_BYTES];
    exchange_send(exchange, header, wire_hello(header, "phoenix-stems plugin " STEMS_VERSION));
    exchange->state = EXCHANGE_HELLO;
    exchange->deadline_s = now_s + CONNECT_TIMEOUT_S;
}

/* A live stream begins with what comes next. A render misses nothing: its stream begins with the stems that are wanted first. */
int64_t exchange_start_position(const Exchange *exchange)
{
    int64_t start = exchange->history.end_samples;
    if (exchange->is_freewheeling) {
        int64_t needed = atomic_load(&exchange->crossing->needed_samples);
        start = needed < start ? needed : start;
    }
    return start < history_start(&exchange->history) ? history_start(&exchange->history) : start;
}

static int64_t block_frames(const Exchange *exchange)
{
    int64_t frames = exchange->crossing->max_block_frames;
    frames = frames < SCRATCH_FRAMES ? frames : SCRATCH_FRAMES;
    return frames < exchange->maximum_block_frames ? frames : exchange->maximum_block_frames;
}

static void send_open(Exchange *exchange, double now_s)
{
    uint8_t header[WIRE_HEADER_BYTES];
    exchange->stream++;
    exchange->start_samples = exchange_start_position(exchange);
    WireOpen open = {
        .stream = exchange->stream,
        .rate_hz = exchange->crossing->rate_hz,
        .channels = exchange->crossing->channels,
        .max_block_frames = (uint32_t)block_frames(exchange),
        .profile = profile_name(exchange->profile),
        .stem = STEM,
        .freewheel = exchange->is_freewheeling,
        .position_samples = exchange->start_samples,
        .round_trip_samples = exchange->round_trip_samples,
    };
    exchange->state = EXCHANGE_OPENING;
    exchange->deadline_s = now_s + OPEN_TIMEOUT_S;
    if (!exchange_send(exchange, header, wire_open(header, &open))) {
        exchange_lose(exchange, now_s, "the server takes no messages");
    }
}

void exchange_open(Exchange *exchange, double now_s)
{
    exchange->profile = (Profile)atomic_load(&exchange->crossing->profile);
    exchange->is_freewheeling = atomic_load(&exchange->crossing->offline);
    exchange->round_trip_samples = exchange->crossing->budgets[exchange->profile].round_trip +
                                   exchange->round_trip_extra[exchange->profile];
    send_open(exchange, now_s);
}

static void receive_welcome(Exchange *exchange, const WireMessage *message, double now_s)
{
    launcher_succeeded(&exchange->launcher);
    if (message->major != PHOENIX_PROTOCOL_MAJOR) {
        exchange_refuse(exchange, now_s, "the server speaks another version of the protocol; update both", "");
        return;
    }
    exchange->maximum_block_frames = message->maximum_block_frames;
    exchange_open(exchange, now_s);
}

/* Below 0 where it does not fit into what there is memory for. */
static int64_t extra_latency(const Exchange *exchange, const WireMessage *opened, int64_t round_trip_extra)
{
    const WireLatency *terms = &opened->latency;
    int64_t limit = exchange->crossing->maximum_latency_samples;
    if (terms->hop > limit || terms->synthesis_overlap > limit || terms->look_ahead > limit || terms->resampler > limit ||
        round_trip_extra > limit) {
        return -1;
    }
    const LatencyBudget *budget = &exchange->crossing->budgets[exchange->profile];
    int64_t total = terms->hop + terms->synthesis_overlap + terms->look_ahead + terms->resampler;
    int64_t server_extra = total - latency_server_total(budget);
    int64_t extra = (server_extra > 0 ? server_extra : 0) + round_trip_extra;
    return latency_total(budget) + extra > limit ? -1 : extra;
}

/* Adopts what the server needs; the latency never falls again while we are active. */
static bool adopt_latency(Exchange *exchange, const WireMessage *opened)
{
    const LatencyBudget *budget = &exchange->crossing->budgets[exchange->profile];
    uint32_t *round_trip_extra = &exchange->round_trip_extra[exchange->profile];
    int64_t more = opened->minimum_round_trip_samples - budget->round_trip;
    int64_t extra = extra_latency(exchange, opened, more > *round_trip_extra ? more : *round_trip_extra);
    if (extra < 0) {
        return false;
    }
    *round_trip_extra = more > *round_trip_extra ? (uint32_t)more : *round_trip_extra;
    _Atomic uint32_t *known = &exchange->crossing->extra_samples[exchange->profile];
    if (extra > atomic_load(known)) {
        atomic_store(known, (uint32_t)extra);
    }
    return true;
}

static void follow(Exchange *exchange, const char *endpoint, double now_s)
{
    if (++exchange->redirects > MAXIMUM_REDIRECTS) {
        exchange_refuse(exchange, now_s, "the server sends us elsewhere, again and again", endpoint);
        return;
    }
    snprintf(exchange->endpoint, sizeof exchange->endpoint, "%s", endpoint);
    exchange_attempt(exchange, now_s);
}

/* True once the stream is open. */
static bool receive_opened(Exchange *exchange, const WireMessage *message, double now_s)
{
    if (message->redirect[0] != '\0') {
        follow(exchange, message->redirect, now_s);
        return false;
    }
    if (message->stem_count != 1 || strcmp(message->stem, STEM) != 0) {
        exchange_lose(exchange, now_s, "what answers breaks the protocol");
        return false;
    }
    if (!adopt_latency(exchange, message)) {
        exchange_refuse(exchange, now_s, "the server needs more latency than a plugin can have", "");
        return false;
    }
    exchange->latency = message->latency;
    exchange->credit_frames = message->credit_frames;
    int64_t preroll = message->preroll_frames < PHOENIX_MAXIMUM_PREROLL_FRAMES ? message->preroll_frames
                                                                               : PHOENIX_MAXIMUM_PREROLL_FRAMES;
    exchange->preroll_samples = exchange->start_samples - preroll;
    return true;
}

static void receive_refusal(Exchange *exchange, const WireMessage *message, double now_s)
{
    if (strcmp(message->code, PHOENIX_CODE_LATENCY_TOO_SMALL) == 0 && exchange->round_trip_samples != 0) {
        exchange->round_trip_samples = 0; /* grants the server's minimum, and `opened` tells it */
        send_open(exchange, now_s);
    } else {
        exchange_refuse(exchange, now_s, message->code, message->reason);
    }
}

bool exchange_receive_opening(Exchange *exchange, const WireMessage *message, double now_s)
{
    bool is_ours = !message->has_stream || message->stream == exchange->stream;
    if (message->kind == WIRE_ERROR) {
        receive_refusal(exchange, message, now_s);
    } else if (message->kind == WIRE_WELCOME && exchange->state == EXCHANGE_HELLO) {
        receive_welcome(exchange, message, now_s);
    } else if (message->kind == WIRE_OPENED && exchange->state == EXCHANGE_OPENING && is_ours) {
        return receive_opened(exchange, message, now_s);
    }
    return false;
}
