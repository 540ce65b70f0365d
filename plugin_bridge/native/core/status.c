#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

bool status_create(Status *status)
{
    atomic_init(&status->value, STEMS_STATUS_OFF);
    snprintf(status->text, sizeof status->text, "off");
    status->lock = platform_lock_create();
    return status->lock != NULL;
}

void status_destroy(Status *status)
{
    platform_lock_destroy(status->lock);
    status->lock = NULL;
}

/* One line: what comes from a server or a log may hold anything. */
static void make_line(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && !utf8_is_valid(text, length)) {
        length--; /* cut within a character, or garbage */
    }
    text[length] = '\0';
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        }
    }
}

void status_set(Status *status, StemsStatus value, const char *format, ...)
{
    char text[STATUS_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    make_line(text);
    platform_lock(status->lock);
    memcpy(status->text, text, sizeof text);
    platform_unlock(status->lock);
    atomic_store_explicit(&status->value, (int)value, memory_order_release);
}

StemsStatus status_get(const Status *status) STEMS_NONBLOCKING
{
    return (StemsStatus)atomic_load_explicit(&status->value, memory_order_acquire);
}

size_t status_text(const Status *status, char *text, size_t capacity)
{
    if (capacity == 0) {
        return 0;
    }
    platform_lock(status->lock);
    size_t length = utf8_cut(status->text, strlen(status->text), capacity - 1);
    memcpy(text, status->text, length);
    platform_unlock(status->lock);
    text[length] = '\0';
    return length;
}

const char *stems_status_name(StemsStatus status)
{
    static const char *const names[] = {"off", "starting", "connected", "fallback", "refused"};
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "unknown";
}
