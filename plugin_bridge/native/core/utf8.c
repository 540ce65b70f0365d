#include "utf8.h"

#include <stdint.h>

static unsigned continuation_count(unsigned first)
{
    if (first < 0x80) {
        return 0;
    }
    return first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
}

/* The range of a first continuation byte excludes overlong forms, surrogates and what is too large (Unicode, table 3-7). */
static bool second_is_valid(unsigned first, unsigned second)
{
    unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

bool utf8_is_valid(const char *text, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)text;
    for (size_t i = 0; i < length; i++) {
        unsigned first = bytes[i], more = continuation_count(first);
        if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || more > length - i - 1) {
            return false;
        }
        for (unsigned k = 1; k <= more; k++) {
            unsigned next = bytes[i + k];
            if (k == 1 ? !second_is_valid(first, next) : next < 0x80 || next > 0xbf) {
                return false;
            }
        }
        i += more;
    }
    return true;
}

size_t utf8_cut(const char *text, size_t length, size_t limit)
{
    if (length <= limit) {
        return length;
    }
    while (limit > 0 && ((uint8_t)text[limit] & 0xc0U) == 0x80) {
        limit--;
    }
    return limit;
}
