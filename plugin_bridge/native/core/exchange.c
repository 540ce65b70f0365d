#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange_internal.h"

#define CLOSE_TIMEOUT_S 0.25
#define HISTORY_SECONDS 8

enum { OUTGOING_BYTES = 512 * 1024, CLOSE_PAUSE_MS = 5 };

bool exchange_create(Exchange *exchange, Crossing *crossing, Status *status, const Settings *settings)
{
    memset(exchange, 0, sizeof *exchange);
    exchange->crossing = crossing;
    exchange->status = status;
    exchange->settings = settings;
    exchange->link.handle = -1;
    exchange->back_off_s = EXCHANGE_FIRST_BACK_OFF_S;
    exchange->stream = 1;
    launcher_initialize(&exchange->launcher, settings);
    size_t payload = (size_t)crossing->channels * PHOENIX_MAXIMUM_PART_FRAMES * sizeof(float);
    int64_t kept = (int64_t)HISTORY_SECONDS * crossing->rate_hz + 2 * (int64_t)crossing->maximum_latency_samples +
                   2 * (int64_t)crossing->max_block_frames;
    bool done = link_create(&exchange->link, payload, OUTGOING_BYTES) &&
                history_create(&exchange->history, crossing->channels, kept);
    for (uint32_t c = 0; c < crossing->channels; c++) {
        exchange->scratch[c] = calloc(SCRATCH_FRAMES, sizeof(float));
        done = done && exchange->scratch[c] != NULL;
    }
    snprintf(exchange->endpoint, sizeof exchange->endpoint, "%s", settings->endpoint);
    status_set(status, STEMS_STATUS_STARTING, "looking for the server at %s", exchange->endpoint);
    return done;
}

void exchange_destroy(Exchange *exchange)
{
    link_destroy(&exchange->link);
    history_destroy(&exchange->history);
    for (uint32_t c = 0; c < BLOCK_MAXIMUM_CHANNELS; c++) {
        free(exchange->scratch[c]);
    }
}

bool exchange_take_input(Exchange *exchange)
{
    BlockHeader header;
    bool any = false;
    while (block_ring_read(&exchange->crossing->to_worker, &header, exchange->scratch, exchange->crossing->channels)) {
        any = true;
        if (header.kind == BLOCK_SEEK) {
            exchange_seek(exchange, header.position_samples);
        } else {
            const float *samples[BLOCK_MAXIMUM_CHANNELS] = {exchange->scratch[0], exchange->scratch[1]};
            history_write(&exchange->history, header.position_samples, samples, header.frames);
        }
    }
    return any;
}

static void receive_error(Exchange *exchange, const WireMessage *message, double now_s)
{
    bool is_ours = !message->has_stream || message->stream == exchange->stream;
    bool ends_stream = message->code[1] == '3' || strcmp(message->code, PHOENIX_CODE_UNKNOWN_STREAM) == 0 ||
                       (!message->has_stream && strcmp(message->code, PHOENIX_CODE_UNEXPECTED_MESSAGE) == 0);
    if (!is_ours) {
        return;
    }
    if (ends_stream) {
        exchange_lose(exchange, now_s, message->reason);
    } else if (exchange->state != EXCHANGE_STREAMING) {
        exchange_receive_opening(exchange, message, now_s);
    } /* else a refusal of something we can go on without */
}

static void receive(Exchange *exchange, const WireMessage *message, const uint8_t *payload, double now_s)
{
    uint8_t header[WIRE_HEADER_BYTES];
    switch (message->kind) {
    case WIRE_WELCOME:
        exchange_receive_opening(exchange, message, now_s);
        break;
    case WIRE_OPENED:
        if (exchange_receive_opening(exchange, message, now_s)) {
            exchange_begin_stream(exchange, now_s);
        }
        break;
    case WIRE_STEMS:
        exchange_receive_stems(exchange, message, payload, now_s);
        break;
    case WIRE_PING:
        exchange_send(exchange, header, wire_pong(header, message->token));
        break;
    case WIRE_CLOSED:
        if (message->stream == exchange->stream && exchange->state == EXCHANGE_STREAMING) {
            exchange_lose(exchange, now_s, "the server closed the stream");
        }
        break;
    case WIRE_ERROR:
        receive_error(exchange, message, now_s);
        break;
    case WIRE_PONG:
    case WIRE_OTHER:
    default:
        break;
    }
}

static void receive_all(Exchange *exchange, double now_s)
{
    ZmtpMessage bytes;
    WireMessage message;
    while (exchange->held == NULL && link_receive(&exchange->link, &bytes)) {
        WireResult result =
            wire_decode(bytes.header, bytes.header_length, bytes.payload, bytes.payload_length, &message);
        if (result != WIRE_OK) {
            exchange_lose(exchange, now_s, "what answers breaks the protocol");
            return;
        }
        receive(exchange, &message, bytes.payload, now_s);
    }
}

static void advance_connection(Exchange *exchange, double now_s)
{
    exchange_deliver(exchange);
    if (exchange->held != NULL) {
        return; /* receiving would write over it */
    }
    if (!link_pump(&exchange->link)) {
        exchange_lose(exchange, now_s, exchange->link.why);
        return;
    }
    receive_all(exchange, now_s);
    if (exchange->state == EXCHANGE_CONNECTING && link_is_ready(&exchange->link)) {
        exchange_say_hello(exchange, now_s);
    }
    if (exchange->state == EXCHANGE_STREAMING) {
        exchange_run_stream(exchange, now_s);
    } else if (exchange->state != EXCHANGE_WAITING && now_s > exchange->deadline_s) {
        exchange_lose(exchange, now_s, "the server does not answer");
    }
    if (exchange->state != EXCHANGE_WAITING && exchange->held == NULL && !link_pump(&exchange->link)) {
        exchange_lose(exchange, now_s, exchange->link.why);
    }
}

void exchange_advance(Exchange *exchange, double now_s)
{
    if (exchange->state != EXCHANGE_WAITING) {
        advance_connection(exchange, now_s);
    } else if (now_s >= exchange->deadline_s) {
        exchange_attempt(exchange, now_s);
    }
}

static bool send_close(Exchange *exchange)
{
    uint8_t header[WIRE_HEADER_BYTES];
    return exchange_send(exchange, header, wire_close(header, exchange->stream));
}

/* True when there is nothing more to wait for. A stream that is being opened can be closed only once it is open. */
static bool has_ended(Exchange *exchange, const ZmtpMessage *bytes)
{
    WireMessage message;
    WireResult result = wire_decode(bytes->header, bytes->header_length, bytes->payload, bytes->payload_length, &message);
    if (result != WIRE_OK) {
        return true;
    }
    bool is_ours = message.stream == exchange->stream;
    if (message.kind == WIRE_OPENED && is_ours) {
        return message.redirect[0] != '\0' || !send_close(exchange);
    }
    return (message.kind == WIRE_CLOSED && is_ours) || (message.kind == WIRE_ERROR && message.has_stream && is_ours);
}

/* Reads what still comes until the server has closed the stream, or is too slow about it. A socket that is closed with
   bytes unread is reset, and the server then never reads our `close`: the stream would live on until it expires. */
static void await_closed(Exchange *exchange)
{
    const double until_s = platform_now_s() + CLOSE_TIMEOUT_S;
    ZmtpMessage bytes;
    while (platform_now_s() < until_s && link_pump(&exchange->link)) {
        while (link_receive(&exchange->link, &bytes)) {
            if (has_ended(exchange, &bytes)) {
                return;
            }
        }
        platform_socket_wait(exchange->link.handle, link_has_outgoing(&exchange->link), CLOSE_PAUSE_MS);
    }
}

void exchange_end(Exchange *exchange)
{
    bool is_opening = exchange->state == EXCHANGE_OPENING;
    if (is_opening || (exchange->state == EXCHANGE_STREAMING && send_close(exchange))) {
        await_closed(exchange);
    }
    link_close(&exchange->link);
}
