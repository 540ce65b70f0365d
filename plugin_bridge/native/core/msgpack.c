#include "msgpack.h"

#include <string.h>

#include "phoenix_protocol.h"
#include "utf8.h"

enum { MAXIMUM_DEPTH = 16 };

/* ---- Writing ---- */

static void put(MsgpackWriter *writer, const void *bytes, size_t length)
{
    if (writer->overflow || length > writer->capacity - writer->length) {
        writer->overflow = true;
        return;
    }
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

static void put_head(MsgpackWriter *writer, unsigned head, uint64_t value, unsigned value_bytes)
{
    uint8_t bytes[9] = {(uint8_t)head};
    for (unsigned i = 0; i < value_bytes; i++) {
        bytes[1 + i] = (uint8_t)(value >> (8 * (value_bytes - 1 - i)));
    }
    put(writer, bytes, 1 + value_bytes);
}

void msgpack_write_map(MsgpackWriter *writer, uint32_t pairs)
{
    if (pairs < 16) {
        put_head(writer, 0x80U | pairs, 0, 0);
    } else {
        put_head(writer, 0xde, pairs, 2);
    }
}

void msgpack_write_array(MsgpackWriter *writer, uint32_t items)
{
    if (items < 16) {
        put_head(writer, 0x90U | items, 0, 0);
    } else {
        put_head(writer, 0xdc, items, 2);
    }
}

void msgpack_write_text(MsgpackWriter *writer, const char *text)
{
    size_t length = strlen(text);
    if (length < 32) {
        put_head(writer, 0xa0U | (unsigned)length, 0, 0);
    } else if (length <= UINT8_MAX) {
        put_head(writer, 0xd9, length, 1);
    } else {
        put_head(writer, 0xda, length, 2);
    }
    put(writer, text, length);
}

void msgpack_write_integer(MsgpackWriter *writer, uint64_t value)
{
    if (value < 128) {
        put_head(writer, (unsigned)value, 0, 0);
    } else if (value <= UINT8_MAX) {
        put_head(writer, 0xcc, value, 1);
    } else if (value <= UINT16_MAX) {
        put_head(writer, 0xcd, value, 2);
    } else if (value <= UINT32_MAX) {
        put_head(writer, 0xce, value, 4);
    } else {
        put_head(writer, 0xcf, value, 8);
    }
}

void msgpack_write_boolean(MsgpackWriter *writer, bool value)
{
    put_head(writer, value ? 0xc3 : 0xc2, 0, 0);
}

/* ---- Reading ---- */

/* Reads a big-endian number of 1 to 8 bytes. */
static bool take_number(MsgpackReader *reader, unsigned bytes, uint64_t *number)
{
    if (reader->length - reader->position < bytes) {
        return false;
    }
    *number = 0;
    for (unsigned i = 0; i < bytes; i++) {
        *number = *number << 8 | reader->bytes[reader->position++];
    }
    return true;
}

static bool take_text(MsgpackReader *reader, MsgpackValue *value, uint64_t length)
{
    if (length > PHOENIX_MAXIMUM_TEXT_BYTES || length > reader->length - reader->position) {
        return false;
    }
    value->type = MSGPACK_TEXT;
    value->text = (const char *)reader->bytes + reader->position;
    value->count = (uint32_t)length;
    reader->position += (size_t)length;
    return utf8_is_valid(value->text, value->count);
}

static bool take_list(MsgpackValue *value, MsgpackType type, uint64_t count)
{
    value->type = type;
    value->count = (uint32_t)count;
    return count <= PHOENIX_MAXIMUM_LIST_ITEMS;
}

static bool take_float(MsgpackReader *reader, MsgpackValue *value, unsigned bytes)
{
    uint64_t bits;
    if (!take_number(reader, bytes, &bits)) {
        return false;
    }
    value->type = MSGPACK_FLOAT;
    if (bytes == 4) {
        return (bits & 0x7f800000U) != 0x7f800000U;
    }
    return (bits & 0x7ff0000000000000U) != 0x7ff0000000000000U;
}

static bool take_integer(MsgpackReader *reader, MsgpackValue *value, unsigned bytes, bool is_signed)
{
    if (!take_number(reader, bytes, &value->integer)) {
        return false;
    }
    bool negative = is_signed && (value->integer >> (8 * bytes - 1)) != 0;
    value->type = negative ? MSGPACK_NEGATIVE : MSGPACK_UNSIGNED;
    return true;
}

/* Heads with a length or a value of their own behind them. */
static bool take_long(MsgpackReader *reader, MsgpackValue *value, uint8_t head)
{
    uint64_t count;
    switch (head) {
    case 0xc0:
        value->type = MSGPACK_NIL;
        return true;
    case 0xc2:
    case 0xc3:
        value->type = MSGPACK_BOOLEAN;
        value->boolean = head == 0xc3;
        return true;
    case 0xca:
        return take_float(reader, value, 4);
    case 0xcb:
        return take_float(reader, value, 8);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return take_integer(reader, value, 1U << (head - 0xcc), false);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return take_integer(reader, value, 1U << (head - 0xd0), true);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return take_number(reader, 1U << (head - 0xd9), &count) && take_text(reader, value, count);
    case 0xdc:
    case 0xdd:
        return take_number(reader, 2U << (head - 0xdc), &count) && take_list(value, MSGPACK_ARRAY, count);
    case 0xde:
    case 0xdf:
        return take_number(reader, 2U << (head - 0xde), &count) && take_list(value, MSGPACK_MAP, count);
    default: /* binary, extensions, and what msgpack leaves undefined */
        return false;
    }
}

bool msgpack_read(MsgpackReader *reader, MsgpackValue *value)
{
    if (reader->position >= reader->length) {
        return false;
    }
    *value = (MsgpackValue){0};
    uint8_t head = reader->bytes[reader->position++];
    if (head < 0x80) {
        value->type = MSGPACK_UNSIGNED;
        value->integer = head;
        return true;
    }
    if (head < 0x90) {
        return take_list(value, MSGPACK_MAP, head & 0x0fU);
    }
    if (head < 0xa0) {
        return take_list(value, MSGPACK_ARRAY, head & 0x0fU);
    }
    if (head < 0xc0) {
        return take_text(reader, value, head & 0x1fU);
    }
    if (head >= 0xe0) {
        value->type = MSGPACK_NEGATIVE;
        return true;
    }
    return take_long(reader, value, head);
}

static bool skip_items(MsgpackReader *reader, const MsgpackValue *value, int depth)
{
    if (value->type != MSGPACK_ARRAY && value->type != MSGPACK_MAP) {
        return true;
    }
    uint32_t items = value->type == MSGPACK_MAP ? 2 * value->count : value->count;
    for (uint32_t i = 0; i < items; i++) {
        MsgpackValue item;
        if (depth >= MAXIMUM_DEPTH || !msgpack_read(reader, &item) || !skip_items(reader, &item, depth + 1)) {
            return false;
        }
        if (value->type == MSGPACK_MAP && i % 2 == 0 && item.type != MSGPACK_TEXT) {
            return false;
        }
    }
    return true;
}

bool msgpack_skip(MsgpackReader *reader, const MsgpackValue *value)
{
    return skip_items(reader, value, 0);
}
