#include "text.h"

void vst3_text_from_ascii(uint16_t *out, const char *text)
{
    size_t length = 0;
    for (; length < VST3_TEXT_UNITS - 1 && text[length] != '\0'; length++) {
        out[length] = (unsigned char)text[length];
    }
    out[length] = 0;
}

void vst3_text_to_ascii(char *out, size_t capacity, const uint16_t *text)
{
    size_t length = 0;
    for (; length + 1 < capacity && text[length] != 0; length++) {
        out[length] = text[length] < 128 ? (char)text[length] : '?';
    }
    out[length] = '\0';
}
