/* Whether bytes are UTF-8, as Unicode defines it: no overlong forms, surrogates, or values beyond U+10FFFF. */
#ifndef PHOENIX_UTF8_H
#define PHOENIX_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_valid(const char *text, size_t length);

/* The longest length, at most `limit`, that does not cut a character of valid UTF-8. */
size_t utf8_cut(const char *text, size_t length, size_t limit);

#endif
