/* Decodes every truncation and every change of one byte of the message in a file, each from memory of exactly its length, so that a
   sanitizer sees the first byte read beyond it. Writes result and kind of each, a byte each, in the order: whole; header cut to each length;
   payload cut to each length; each header byte with each value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

typedef struct {
    uint8_t *bytes; /* NULL: no such frame */
    size_t length;
} Frame;

static Frame copy(const uint8_t *bytes, size_t length)
{
    Frame frame = {malloc(length), length};
    if (frame.bytes == NULL) {
        abort();
    }
    memcpy(frame.bytes, bytes, length);
    return frame;
}

/* A frame as in protocol/vectors: its length in four bytes, little-endian, then the frame. */
static Frame read_frame(FILE *file)
{
    uint8_t head[4], bytes[65536];
    if (fread(head, 1, 4, file) != 4) {
        return (Frame){NULL, 0};
    }
    size_t length = head[0] | (size_t)head[1] << 8;
    return fread(bytes, 1, length, file) == length ? copy(bytes, length) : (Frame){NULL, 0};
}

static void decode(Frame header, Frame payload)
{
    WireMessage message;
    size_t length = header.length;
#ifdef SEED_OVERREAD
    length++;
#endif
    WireResult result = wire_decode(header.bytes, length, payload.bytes, payload.length, &message);
    putchar((int)result);
    putchar((int)message.kind);
}

static void decode_cut(Frame header, Frame payload, size_t header_length, size_t payload_length)
{
    Frame short_header = copy(header.bytes, header_length);
    Frame short_payload = payload.bytes == NULL ? payload : copy(payload.bytes, payload_length);
    decode(short_header, short_payload);
    free(short_header.bytes);
    free(short_payload.bytes);
}

int main(int count, char **arguments)
{
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    if (file == NULL) {
        return 2;
    }
    Frame header = read_frame(file), payload = read_frame(file);
    fclose(file);
    decode(header, payload);
    for (size_t length = 0; length < header.length; length++) {
        decode_cut(header, payload, length, payload.length);
    }
    for (size_t length = 0; length < payload.length; length++) {
        decode_cut(header, payload, header.length, length);
    }
    for (size_t at = 0; at < header.length; at++) {
        uint8_t before = header.bytes[at];
        for (unsigned value = 0; value < 256; value++) {
            header.bytes[at] = (uint8_t)value;
            decode(header, payload);
        }
        header.bytes[at] = before;
    }
    free(header.bytes);
    free(payload.bytes);
    return 0;
}
