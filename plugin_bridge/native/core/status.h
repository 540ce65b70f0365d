/* How the connection is, in a word for any thread, and why, in a line for people. */
#ifndef PHOENIX_STATUS_H
#define PHOENIX_STATUS_H

#include <stdatomic.h>

#include "platform_thread.h"
#include "stems_plugin.h"

enum { STATUS_TEXT_BYTES = 512 };

typedef struct {
    _Atomic int value; /* StemsStatus */
    PlatformLock *lock; /* of the text */
    char text[STATUS_TEXT_BYTES];
} Status;

bool status_create(Status *status); /* false without memory */
void status_destroy(Status *status);

/* Not from the audio thread. Text beyond the space, or that is no UTF-8, is cut there. */
void status_set(Status *status, StemsStatus value, const char *format, ...) __attribute__((format(printf, 3, 4)));

StemsStatus status_get(const Status *status) STEMS_NONBLOCKING;
size_t status_text(const Status *status, char *text, size_t capacity);

#endif
