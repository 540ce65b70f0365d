/* Parameters as bytes, for hosts to keep: "PHXSTEMS", version, count, (id, value) ..., check sum; all little-endian. */
#ifndef PHOENIX_STATE_H
#define PHOENIX_STATE_H

#include "parameters.h"

/* As stems_plugin_save and ..._restore. */
size_t state_save(const Parameters *parameters, uint8_t *bytes, size_t capacity);
bool state_restore(Parameters *parameters, const uint8_t *bytes, size_t length);

#endif
