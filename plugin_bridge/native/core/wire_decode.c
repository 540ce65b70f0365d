#include <string.h>

#include "msgpack.h"
#include "wire.h"

typedef enum { FIELD_INTEGER, FIELD_TOKEN, FIELD_TEXT, FIELD_NAMES, FIELD_LATENCY } FieldType;

enum { IN_WELCOME = 1, IN_OPENED = 2, IN_STEMS = 4, IN_PING = 8, IN_CLOSED = 16, IN_ERROR = 32 };

/* One row per key that any of our messages has. */
typedef struct {
    const char *key;
    FieldType type;
    size_t offset;
    uint64_t minimum, maximum; /* of a number; of a text's bytes; of a list's items */
    unsigned known_in, required_in;
} Field;

#define AT(member) offsetof(WireMessage, member)
#define POSITION 0, (uint64_t)PHOENIX_POSITION_MAX
#define OF_STREAM (IN_OPENED | IN_STEMS | IN_CLOSED)

static const Field FIELDS[] = {
    {PHOENIX_KEY_STREAM, FIELD_INTEGER, AT(stream), 0, PHOENIX_STREAM_MAX, OF_STREAM | IN_ERROR, OF_STREAM},
    {PHOENIX_KEY_MAJOR, FIELD_INTEGER, AT(major), 0, 65535, IN_WELCOME, IN_WELCOME},
    {PHOENIX_KEY_MINOR, FIELD_INTEGER, AT(minor), 0, 65535, IN_WELCOME, IN_WELCOME},
    {PHOENIX_KEY_MAXIMUM_BLOCK_FRAMES, FIELD_INTEGER, AT(maximum_block_frames), 1, UINT32_MAX, IN_WELCOME, IN_WELCOME},
    {PHOENIX_KEY_LATENCY, FIELD_LATENCY, AT(latency), 0, 0, IN_OPENED, IN_OPENED},
    {PHOENIX_KEY_MINIMUM_ROUND_TRIP_SAMPLES, FIELD_INTEGER, AT(minimum_round_trip_samples), POSITION, IN_OPENED,
     IN_OPENED},
    {PHOENIX_KEY_CREDIT_FRAMES, FIELD_INTEGER, AT(credit_frames), POSITION, IN_OPENED, IN_OPENED},
    {PHOENIX_KEY_PREROLL_FRAMES, FIELD_INTEGER, AT(preroll_frames), POSITION, IN_OPENED, IN_OPENED},
    {PHOENIX_KEY_REDIRECT, FIELD_TEXT, AT(redirect), 0, PHOENIX_MAXIMUM_TEXT_BYTES, IN_OPENED, 0},
    {PHOENIX_KEY_POSITION_SAMPLES, FIELD_INTEGER, AT(position_samples), POSITION, IN_STEMS, IN_STEMS},
    {PHOENIX_KEY_STEMS, FIELD_NAMES, AT(stem), 1, PHOENIX_MAXIMUM_STEMS, IN_OPENED | IN_STEMS, IN_OPENED | IN_STEMS},
    {PHOENIX_KEY_DROPPED_FRAMES, FIELD_INTEGER, AT(dropped_frames), POSITION, IN_STEMS | IN_CLOSED, IN_CLOSED},
    {PHOENIX_KEY_CHANNELS, FIELD_INTEGER, AT(channels), 1, PHOENIX_MAXIMUM_CHANNELS, IN_STEMS, IN_STEMS},
    {PHOENIX_KEY_FRAMES, FIELD_INTEGER, AT(frames), 1, PHOENIX_MAXIMUM_PART_FRAMES, IN_STEMS, IN_STEMS},
    {PHOENIX_KEY_TOKEN, FIELD_TOKEN, AT(token), 0, UINT64_MAX, IN_PING, IN_PING},
    {PHOENIX_KEY_CODE, FIELD_TEXT, AT(code), 4, 4, IN_ERROR, IN_ERROR},
    {PHOENIX_KEY_REASON, FIELD_TEXT, AT(reason), 0, PHOENIX_MAXIMUM_TEXT_BYTES, IN_ERROR, IN_ERROR},
};
enum { FIELD_COUNT = sizeof FIELDS / sizeof FIELDS[0] };

typedef struct {
    const char *type;
    WireKind kind;
    unsigned bit;
} Kind;

static const Kind KINDS[] = {
    {PHOENIX_TYPE_WELCOME, WIRE_WELCOME, IN_WELCOME}, {PHOENIX_TYPE_OPENED, WIRE_OPENED, IN_OPENED},
    {PHOENIX_TYPE_STEMS, WIRE_STEMS, IN_STEMS},       {PHOENIX_TYPE_PING, WIRE_PING, IN_PING},
    {PHOENIX_TYPE_PONG, WIRE_PONG, IN_PING},          {PHOENIX_TYPE_CLOSED, WIRE_CLOSED, IN_CLOSED},
    {PHOENIX_TYPE_ERROR, WIRE_ERROR, IN_ERROR},
};

static bool is_text(const MsgpackValue *value, const char *text)
{
    return value->type == MSGPACK_TEXT && value->count == strlen(text) && memcmp(value->text, text, value->count) == 0;
}

static WireResult read_integer(const MsgpackValue *value, uint64_t minimum, uint64_t maximum, int64_t *to)
{
    if (value->type != MSGPACK_UNSIGNED || value->integer < minimum || value->integer > maximum) {
        return WIRE_INVALID;
    }
    *to = (int64_t)value->integer;
    return WIRE_OK;
}

static WireResult read_text(const MsgpackValue *value, uint64_t minimum, uint64_t maximum, char *to)
{
    if (value->type != MSGPACK_TEXT || value->count < minimum) {
        return WIRE_INVALID;
    }
    if (value->count > maximum) {
        return WIRE_LIMIT;
    }
    memcpy(to, value->text, value->count);
    to[value->count] = '\0';
    return WIRE_OK;
}

static bool differs_from_all(const MsgpackValue *name, const MsgpackValue *earlier, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (earlier[i].count == name->count && memcmp(earlier[i].text, name->text, name->count) == 0) {
            return false;
        }
    }
    return true;
}

/* A list of different names; keeps the first and their number. */
static WireResult read_names(MsgpackReader *reader, const MsgpackValue *value, const Field *field,
                             WireMessage *message)
{
    MsgpackValue names[PHOENIX_MAXIMUM_STEMS];
    if (value->type != MSGPACK_ARRAY || value->count < field->minimum) {
        return WIRE_INVALID;
    }
    if (value->count > field->maximum) {
        return WIRE_LIMIT;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        char name[PHOENIX_MAXIMUM_NAME_BYTES + 1];
        if (!msgpack_read(reader, &names[i])) {
            return WIRE_MALFORMED;
        }
        WireResult result = read_text(&names[i], 1, PHOENIX_MAXIMUM_NAME_BYTES, i == 0 ? message->stem : name);
        if (result != WIRE_OK) {
            return result;
        }
        if (!differs_from_all(&names[i], names, i)) {
            return WIRE_INVALID;
        }
    }
    message->stem_count = value->count;
    return WIRE_OK;
}

/* The map of PROTOCOL.md 4.17; all four terms are required, each once. */
static WireResult read_latency(MsgpackReader *reader, const MsgpackValue *value, WireLatency *latency)
{
    struct {
        const char *key;
        int64_t *to;
    } terms[] = {{PHOENIX_KEY_HOP, &latency->hop},
                 {PHOENIX_KEY_SYNTHESIS_OVERLAP, &latency->synthesis_overlap},
                 {PHOENIX_KEY_LOOK_AHEAD, &latency->look_ahead},
                 {PHOENIX_KEY_RESAMPLER, &latency->resampler}};
    unsigned seen = 0;
    if (value->type != MSGPACK_MAP) {
        return WIRE_INVALID;
    }
    for (uint32_t pair = 0; pair < value->count; pair++) {
        MsgpackValue key, term;
        if (!msgpack_read(reader, &key) || key.type != MSGPACK_TEXT || !msgpack_read(reader, &term) ||
            !msgpack_skip(reader, &term)) {
            return WIRE_MALFORMED;
        }
        for (unsigned i = 0; i < 4; i++) {
            if (!is_text(&key, terms[i].key)) {
                continue;
            }
            if ((seen & 1U << i) != 0) {
                return WIRE_MALFORMED;
            }
            seen |= 1U << i;
            if (read_integer(&term, POSITION, terms[i].to) != WIRE_OK) {
                return WIRE_INVALID;
            }
        }
    }
    return seen == 0xf ? WIRE_OK : WIRE_INVALID;
}

static WireResult read_field(MsgpackReader *reader, const Field *field, const MsgpackValue *value, WireMessage *message)
{
    char *to = (char *)message + field->offset;
    switch (field->type) {
    case FIELD_NAMES:
        return read_names(reader, value, field, message);
    case FIELD_LATENCY:
        return read_latency(reader, value, &message->latency);
    case FIELD_TEXT: {
        WireResult result = read_text(value, field->minimum, field->maximum, to);
        return result != WIRE_OK ? result : msgpack_skip(reader, value) ? WIRE_OK : WIRE_MALFORMED;
    }
    case FIELD_TOKEN:
        message->token = value->integer;
        return value->type == MSGPACK_UNSIGNED ? WIRE_OK : WIRE_INVALID;
    case FIELD_INTEGER:
    default: {
        int64_t number = 0;
        WireResult result = read_integer(value, field->minimum, field->maximum, &number);
        memcpy(to, &number, sizeof number);
        return result;
    }
    }
}

static const Field *find_field(const MsgpackValue *key, unsigned kind_bit)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if ((FIELDS[i].known_in & kind_bit) != 0 && is_text(key, FIELDS[i].key)) {
            return &FIELDS[i];
        }
    }
    return NULL;
}

/* First pass: every key a text, and of its own; every value allowed; nothing behind; which kind it is. */
static WireResult scan(MsgpackReader reader, const Kind **kind)
{
    MsgpackValue map, keys[PHOENIX_MAXIMUM_LIST_ITEMS];
    bool has_type = false;
    *kind = NULL;
    if (!msgpack_read(&reader, &map) || map.type != MSGPACK_MAP) {
        return WIRE_MALFORMED;
    }
    for (uint32_t pair = 0; pair < map.count; pair++) {
        MsgpackValue value;
        if (!msgpack_read(&reader, &keys[pair]) || keys[pair].type != MSGPACK_TEXT ||
            !differs_from_all(&keys[pair], keys, pair) || !msgpack_read(&reader, &value) ||
            !msgpack_skip(&reader, &value)) {
            return WIRE_MALFORMED;
        }
        if (is_text(&keys[pair], PHOENIX_KEY_TYPE)) {
            has_type = value.type == MSGPACK_TEXT;
            for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
                if (is_text(&value, KINDS[i].type)) {
                    *kind = &KINDS[i];
                }
            }
        }
    }
    if (reader.position != reader.length) {
        return WIRE_MALFORMED;
    }
    return has_type ? WIRE_OK : WIRE_INVALID;
}

/* Second pass: the fields of the kind. */
static WireResult read_fields(MsgpackReader *reader, const Kind *kind, WireMessage *message)
{
    MsgpackValue map;
    bool seen[FIELD_COUNT] = {false};
    msgpack_read(reader, &map);
    for (uint32_t pair = 0; pair < map.count; pair++) {
        MsgpackValue key, value;
        msgpack_read(reader, &key);
        msgpack_read(reader, &value);
        const Field *field = find_field(&key, kind->bit);
        bool is_absent = field == NULL || (value.type == MSGPACK_NIL && field->offset == AT(stream) &&
                                           kind->kind == WIRE_ERROR); /* where nil means left out */
        WireResult result = is_absent ? (msgpack_skip(reader, &value) ? WIRE_OK : WIRE_MALFORMED)
                                      : read_field(reader, field, &value, message);
        if (result != WIRE_OK) {
            return result;
        }
        if (!is_absent) {
            seen[field - FIELDS] = true;
        }
    }
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if ((FIELDS[i].required_in & kind->bit) != 0 && !seen[i]) {
            return WIRE_INVALID;
        }
    }
    message->has_stream = seen[0];
    return WIRE_OK;
}

static bool is_code(const char *code)
{
    return code[0] == 'E' && strspn(code + 1, "0123456789") == 3;
}

WireResult wire_decode(const uint8_t *header, size_t header_length, const uint8_t *payload, size_t payload_length,
                       WireMessage *message)
{
    MsgpackReader reader = {.bytes = header, .length = header_length};
    const Kind *kind;
    memset(message, 0, sizeof *message);
    if (header_length > PHOENIX_MAXIMUM_HEADER_BYTES || payload_length > PHOENIX_MAXIMUM_PAYLOAD_BYTES) {
        return WIRE_LIMIT;
    }
    WireResult result = scan(reader, &kind);
    if (result != WIRE_OK || kind == NULL) {
        return result;
    }
    message->kind = kind->kind;
    result = read_fields(&reader, kind, message);
    if (result != WIRE_OK) {
        return result;
    }
    if ((message->kind == WIRE_STEMS) != (payload != NULL)) {
        return WIRE_MALFORMED;
    }
    size_t expected = (size_t)(message->stem_count * message->channels * message->frames) * sizeof(float);
    if (message->kind == WIRE_STEMS && payload_length != expected) {
        return WIRE_MALFORMED;
    }
    return message->kind == WIRE_ERROR && !is_code(message->code) ? WIRE_INVALID : WIRE_OK;
}
