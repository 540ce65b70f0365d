#include "state.h"

#include <string.h>

enum { VERSION = 1, MAGIC_BYTES = 8, HEAD_BYTES = 16, ENTRY_BYTES = 12, SUM_BYTES = 4 };

static const char MAGIC[] = "PHXSTEMS";

static void put_number(uint8_t *bytes, uint64_t value, unsigned length)
{
    for (unsigned i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get_number(const uint8_t *bytes, unsigned length)
{
    uint64_t value = 0;
    for (unsigned i = length; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

/* FNV-1a: finds damage; nobody's intent. */
static uint32_t check_sum(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 2166136261U;
    for (size_t i = 0; i < length; i++) {
        sum = (sum ^ bytes[i]) * 16777619U;
    }
    return sum;
}

static bool is_saved(const StemsParameter *parameter)
{
    return (parameter->flags & STEMS_FLAG_OUTPUT) == 0;
}

size_t state_save(const Parameters *parameters, uint8_t *bytes, size_t capacity)
{
    uint8_t state[STEMS_STATE_MAXIMUM_BYTES];
    size_t length = HEAD_BYTES, count = 0;
    for (size_t i = 0; i < stems_parameter_count(); i++) {
        const StemsParameter *parameter = stems_parameter_at(i);
        if (is_saved(parameter)) {
            double value = parameters_get(parameters, parameter->id);
            uint64_t bits;
            memcpy(&bits, &value, sizeof bits);
            put_number(state + length, parameter->id, 4);
            put_number(state + length + 4, bits, 8);
            length += ENTRY_BYTES;
            count++;
        }
    }
    memcpy(state, MAGIC, MAGIC_BYTES);
    put_number(state + MAGIC_BYTES, VERSION, 4);
    put_number(state + MAGIC_BYTES + 4, count, 4);
    put_number(state + length, check_sum(state, length), SUM_BYTES);
    length += SUM_BYTES;
    if (length > capacity) {
        return 0;
    }
    memcpy(bytes, state, length);
    return length;
}

static bool is_whole(const uint8_t *bytes, size_t length)
{
    if (length < HEAD_BYTES + SUM_BYTES || length > STEMS_STATE_MAXIMUM_BYTES ||
        (length - HEAD_BYTES - SUM_BYTES) % ENTRY_BYTES != 0) {
        return false;
    }
    return memcmp(bytes, MAGIC, MAGIC_BYTES) == 0 && get_number(bytes + MAGIC_BYTES, 4) == VERSION &&
           get_number(bytes + MAGIC_BYTES + 4, 4) == (length - HEAD_BYTES - SUM_BYTES) / ENTRY_BYTES &&
           get_number(bytes + length - SUM_BYTES, SUM_BYTES) == check_sum(bytes, length - SUM_BYTES);
}

static StemsSetting get_entry(const uint8_t *bytes)
{
    uint64_t bits = get_number(bytes + 4, 8);
    StemsSetting setting = {.id = (uint32_t)get_number(bytes, 4)};
    memcpy(&setting.value, &bits, sizeof bits);
    return setting;
}

bool state_restore(Parameters *parameters, const uint8_t *bytes, size_t length)
{
    if (!is_whole(bytes, length)) {
        return false;
    }
    const uint8_t *end = bytes + length - SUM_BYTES;
    for (const uint8_t *entry = bytes + HEAD_BYTES; entry < end; entry += ENTRY_BYTES) {
        StemsSetting setting = get_entry(entry);
        if (!parameters_accept(setting.id, setting.value)) {
            return false;
        }
    }
    for (const uint8_t *entry = bytes + HEAD_BYTES; entry < end; entry += ENTRY_BYTES) {
        StemsSetting setting = get_entry(entry);
        parameters_set(parameters, setting.id, setting.value);
    }
    return true;
}
