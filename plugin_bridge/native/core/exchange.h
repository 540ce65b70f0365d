/* The worker's conversation with the server (PROTOCOL.md), from nothing to stems: find it or have it started, hello, open, pre-roll, audio,
   stems; and again from the start when it is lost. A state machine that never waits: exchange_advance does what can be done now. */
#ifndef PHOENIX_EXCHANGE_H
#define PHOENIX_EXCHANGE_H

#include "exchange_state.h"

bool exchange_create(Exchange *exchange, Crossing *crossing, Status *status, const Settings *settings);
void exchange_destroy(Exchange *exchange);

/* Takes in what the audio thread has written; true if there was anything. */
bool exchange_take_input(Exchange *exchange);

void exchange_advance(Exchange *exchange, double now_s);

/* Says goodbye, without waiting for the answer. */
void exchange_end(Exchange *exchange);

#endif
