/* What the exchange's files share, for nobody else. exchange.c leads; a stream may open the next one; all can send and give up. */
#ifndef PHOENIX_EXCHANGE_INTERNAL_H
#define PHOENIX_EXCHANGE_INTERNAL_H

#include "exchange_state.h"

#define EXCHANGE_FIRST_BACK_OFF_S 0.1

enum { SCRATCH_FRAMES = PHOENIX_MAXIMUM_BLOCK_FRAMES };

/* ---- exchange_sending.c ---- */

/* Gives the connection up, and tries again after a growing pause. */
void exchange_lose(Exchange *exchange, double now_s, const char *why);

/* The server, or somebody, says no: tries again, rarely. */
void exchange_refuse(Exchange *exchange, double now_s, const char *why, const char *detail);

/* Sends a header alone; one that does not fit means that nobody reads. */
bool exchange_send(Exchange *exchange, const uint8_t *header, size_t length);

/* ---- exchange_opening.c ---- */

/* Where a stream that is opened now begins. */
int64_t exchange_start_position(const Exchange *exchange);

void exchange_attempt(Exchange *exchange, double now_s);
void exchange_say_hello(Exchange *exchange, double now_s);
void exchange_open(Exchange *exchange, double now_s);

/* True once the stream is open: then exchange_begin_stream is due. */
bool exchange_receive_opening(Exchange *exchange, const WireMessage *message, double now_s);

/* ---- exchange_stream.c ---- */

void exchange_begin_stream(Exchange *exchange, double now_s);
void exchange_run_stream(Exchange *exchange, double now_s);
void exchange_receive_stems(Exchange *exchange, const WireMessage *message, const uint8_t *payload, double now_s);
void exchange_deliver(Exchange *exchange); /* what is held */
void exchange_seek(Exchange *exchange, int64_t position_samples);

#endif
