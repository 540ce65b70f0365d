/* Texts of the VST 3 interface are UTF-16 in arrays of 128; ours are ASCII. */
#ifndef STEMS_VST3_TEXT_H
#define STEMS_VST3_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { VST3_TEXT_UNITS = 128 };

/* Widens `text` into `out` (VST3_TEXT_UNITS of them), cutting what does not fit. */
void vst3_text_from_ascii(uint16_t *out, const char *text);

/* Narrows `text` into `out`, at most `capacity - 1` characters; what is not ASCII becomes '?'. */
void vst3_text_to_ascii(char *out, size_t capacity, const uint16_t *text);

#endif
