/* The part of msgpack that headers use: integers, doubles, booleans, strings, arrays, maps. Reading trusts nothing. */
#ifndef PHOENIX_MSGPACK_H
#define PHOENIX_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes into a buffer of fixed size; what does not fit sets `overflow`, and nothing is written from then on. */
typedef struct {
    uint8_t *bytes;
    size_t capacity, length;
    bool overflow;
} MsgpackWriter;

void msgpack_write_map(MsgpackWriter *writer, uint32_t pairs);
void msgpack_write_array(MsgpackWriter *writer, uint32_t items);
void msgpack_write_text(MsgpackWriter *writer, const char *text);
void msgpack_write_integer(MsgpackWriter *writer, uint64_t value); /* as short as msgpack allows */
void msgpack_write_boolean(MsgpackWriter *writer, bool value);

typedef enum {
    MSGPACK_NIL,
    MSGPACK_BOOLEAN,
    MSGPACK_UNSIGNED,
    MSGPACK_NEGATIVE,
    MSGPACK_FLOAT,
    MSGPACK_TEXT,
    MSGPACK_ARRAY,
    MSGPACK_MAP
} MsgpackType;

typedef struct {
    MsgpackType type;
    bool boolean;
    uint64_t integer;  /* MSGPACK_UNSIGNED */
    const char *text;  /* not terminated; in the bytes read */
    uint32_t count;    /* bytes of a text, items of an array, pairs of a map */
} MsgpackValue;

typedef struct {
    const uint8_t *bytes;
    size_t length, position;
} MsgpackReader;

/* The next value, of an array or map its head only. False at the end, and for what headers may not hold: binary and extension types,
   NaN and infinities, texts that are no UTF-8 or longer than maximum_text_bytes, more than maximum_list_items. */
bool msgpack_read(MsgpackReader *reader, MsgpackValue *value);

/* Reads past the items of the value just read, to a bounded depth. */
bool msgpack_skip(MsgpackReader *reader, const MsgpackValue *value);

#endif
