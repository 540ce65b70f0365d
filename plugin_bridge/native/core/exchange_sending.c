/* What every state of an exchange needs: to send a header, and to give up, for a moment or for longer. */
#include <stdio.h>

#include "exchange_internal.h"

#define MAXIMUM_BACK_OFF_S 2.0
#define REFUSED_PAUSE_S 5.0

static void wait_again(Exchange *exchange, double now_s, double pause_s)
{
    link_close(&exchange->link);
    exchange->held = NULL;
    exchange->state = EXCHANGE_WAITING;
    exchange->deadline_s = now_s + pause_s;
    if (exchange->redirects == 0) {
        return;
    }
    exchange->redirects = 0; /* the next attempt starts where all do */
    snprintf(exchange->endpoint, sizeof exchange->endpoint, "%s", exchange->settings->endpoint);
}

void exchange_lose(Exchange *exchange, double now_s, const char *why)
{
    char reason[STATUS_TEXT_BYTES];
    snprintf(reason, sizeof reason, "%s", why); /* may be the link's own, which closing overwrites */
    /* One that served until now may be back in a moment; one that never did will hardly begin to. */
    atomic_store(&exchange->crossing->is_hopeless, exchange->state != EXCHANGE_STREAMING);
    status_set(exchange->status, STEMS_STATUS_FALLBACK, "%s", reason);
    wait_again(exchange, now_s, exchange->back_off_s);
    exchange->back_off_s = 2 * exchange->back_off_s < MAXIMUM_BACK_OFF_S ? 2 * exchange->back_off_s : MAXIMUM_BACK_OFF_S;
}

void exchange_refuse(Exchange *exchange, double now_s, const char *why, const char *detail)
{
    atomic_store(&exchange->crossing->is_hopeless, true);
    status_set(exchange->status, STEMS_STATUS_REFUSED, "%s%s%s", why, detail[0] != '\0' ? ": " : "", detail);
    wait_again(exchange, now_s, REFUSED_PAUSE_S);
}

bool exchange_send(Exchange *exchange, const uint8_t *header, size_t length)
{
    return link_send(&exchange->link, header, length, NULL, 0, 0);
}
