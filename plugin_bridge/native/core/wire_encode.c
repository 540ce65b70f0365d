#include "msgpack.h"
#include "wire.h"

static MsgpackWriter begin(uint8_t *header, uint32_t fields, const char *type)
{
    MsgpackWriter writer = {.bytes = header, .capacity = WIRE_HEADER_BYTES};
    msgpack_write_map(&writer, 1 + fields);
    msgpack_write_text(&writer, PHOENIX_KEY_TYPE);
    msgpack_write_text(&writer, type);
    return writer;
}

static void integer(MsgpackWriter *writer, const char *key, int64_t value)
{
    msgpack_write_text(writer, key);
    msgpack_write_integer(writer, (uint64_t)value);
}

static void text(MsgpackWriter *writer, const char *key, const char *value)
{
    msgpack_write_text(writer, key);
    msgpack_write_text(writer, value);
}

static void boolean(MsgpackWriter *writer, const char *key, bool value)
{
    msgpack_write_text(writer, key);
    msgpack_write_boolean(writer, value);
}

size_t wire_hello(uint8_t *header, const char *client)
{
    MsgpackWriter writer = begin(header, 4, PHOENIX_TYPE_HELLO);
    integer(&writer, PHOENIX_KEY_MAJOR, PHOENIX_PROTOCOL_MAJOR);
    integer(&writer, PHOENIX_KEY_MINOR, PHOENIX_PROTOCOL_MINOR);
    text(&writer, PHOENIX_KEY_CLIENT, client);
    msgpack_write_text(&writer, PHOENIX_KEY_CAPABILITIES);
    msgpack_write_array(&writer, 0);
    return writer.length;
}

size_t wire_open(uint8_t *header, const WireOpen *open)
{
    MsgpackWriter writer = begin(header, 10, PHOENIX_TYPE_OPEN);
    integer(&writer, PHOENIX_KEY_STREAM, open->stream);
    integer(&writer, PHOENIX_KEY_RATE_HZ, open->rate_hz);
    integer(&writer, PHOENIX_KEY_CHANNELS, open->channels);
    integer(&writer, PHOENIX_KEY_MAX_BLOCK_FRAMES, open->max_block_frames);
    text(&writer, PHOENIX_KEY_MODEL, "");
    text(&writer, PHOENIX_KEY_PROFILE, open->profile);
    msgpack_write_text(&writer, PHOENIX_KEY_STEMS);
    msgpack_write_array(&writer, 1);
    msgpack_write_text(&writer, open->stem);
    boolean(&writer, PHOENIX_KEY_FREEWHEEL, open->freewheel);
    integer(&writer, PHOENIX_KEY_POSITION_SAMPLES, open->position_samples);
    integer(&writer, PHOENIX_KEY_ROUND_TRIP_SAMPLES, open->round_trip_samples);
    return writer.length;
}

size_t wire_audio(uint8_t *header, uint32_t stream, uint64_t sequence, int64_t position_samples, uint32_t channels,
                  uint32_t frames)
{
    MsgpackWriter writer = begin(header, 5, PHOENIX_TYPE_AUDIO);
    integer(&writer, PHOENIX_KEY_STREAM, stream);
    integer(&writer, PHOENIX_KEY_SEQUENCE, (int64_t)sequence);
    integer(&writer, PHOENIX_KEY_POSITION_SAMPLES, position_samples);
    integer(&writer, PHOENIX_KEY_CHANNELS, channels);
    integer(&writer, PHOENIX_KEY_FRAMES, frames);
    return writer.length;
}

size_t wire_preroll(uint8_t *header, uint32_t stream, int64_t position_samples, bool last, uint32_t channels,
                    uint32_t frames)
{
    MsgpackWriter writer = begin(header, 5, PHOENIX_TYPE_PREROLL);
    integer(&writer, PHOENIX_KEY_STREAM, stream);
    integer(&writer, PHOENIX_KEY_POSITION_SAMPLES, position_samples);
    boolean(&writer, PHOENIX_KEY_LAST, last);
    integer(&writer, PHOENIX_KEY_CHANNELS, channels);
    integer(&writer, PHOENIX_KEY_FRAMES, frames);
    return writer.length;
}

size_t wire_seek(uint8_t *header, uint32_t stream, int64_t position_samples)
{
    MsgpackWriter writer = begin(header, 2, PHOENIX_TYPE_SEEK);
    integer(&writer, PHOENIX_KEY_STREAM, stream);
    integer(&writer, PHOENIX_KEY_POSITION_SAMPLES, position_samples);
    return writer.length;
}

static size_t one_integer(uint8_t *header, const char *type, const char *key, uint64_t value)
{
    MsgpackWriter writer = begin(header, 1, type);
    msgpack_write_text(&writer, key);
    msgpack_write_integer(&writer, value);
    return writer.length;
}

size_t wire_close(uint8_t *header, uint32_t stream)
{
    return one_integer(header, PHOENIX_TYPE_CLOSE, PHOENIX_KEY_STREAM, stream);
}

size_t wire_ping(uint8_t *header, uint64_t token)
{
    return one_integer(header, PHOENIX_TYPE_PING, PHOENIX_KEY_TOKEN, token);
}

size_t wire_pong(uint8_t *header, uint64_t token)
{
    return one_integer(header, PHOENIX_TYPE_PONG, PHOENIX_KEY_TOKEN, token);
}
