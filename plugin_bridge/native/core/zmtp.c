#include "zmtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phoenix_protocol.h"

enum {
    GREETING_BYTES = 64,
    FLAG_MORE = 1,
    FLAG_LONG = 2,
    FLAG_COMMAND = 4,
    FRAME_HEAD_BYTES = 9,
    MAXIMUM_COMMAND_BYTES = 4096,
    CONTROL_RESERVE_BYTES = 1024 /* of the outgoing buffer, for heartbeats */
};

typedef struct {
    unsigned flags;
    const uint8_t *body;
    size_t length;
    size_t end; /* offset in the buffer behind it */
} Frame;

bool zmtp_create(Zmtp *zmtp, size_t maximum_payload_bytes, size_t maximum_outgoing_bytes)
{
    *zmtp = (Zmtp){.state = ZMTP_FAULT, .maximum_payload_bytes = maximum_payload_bytes};
    zmtp->in.capacity = PHOENIX_MAXIMUM_HEADER_BYTES + maximum_payload_bytes + 2 * FRAME_HEAD_BYTES;
    zmtp->out.capacity = maximum_outgoing_bytes + CONTROL_RESERVE_BYTES;
    zmtp->in.bytes = malloc(zmtp->in.capacity);
    zmtp->out.bytes = malloc(zmtp->out.capacity);
    return zmtp->in.bytes != NULL && zmtp->out.bytes != NULL;
}

void zmtp_destroy(Zmtp *zmtp)
{
    free(zmtp->in.bytes);
    free(zmtp->out.bytes);
    *zmtp = (Zmtp){.state = ZMTP_FAULT};
}

static bool fail(Zmtp *zmtp, const char *why)
{
    zmtp->state = ZMTP_FAULT;
    snprintf(zmtp->fault, sizeof zmtp->fault, "%s", why);
    return false;
}

/* ---- Out ---- */

static size_t room(ZmtpBuffer *buffer)
{
    if (buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->end - buffer->start);
        buffer->end -= buffer->start;
        buffer->start = 0;
    }
    return buffer->capacity - buffer->end;
}

static void append(ZmtpBuffer *buffer, const void *bytes, size_t length)
{
    memcpy(buffer->bytes + buffer->end, bytes, length);
    buffer->end += length;
}

static void append_frame_head(ZmtpBuffer *buffer, unsigned flags, size_t length)
{
    uint8_t head[FRAME_HEAD_BYTES];
    bool is_long = length > UINT8_MAX;
    size_t size_bytes = is_long ? 8 : 1;
    head[0] = (uint8_t)(flags | (is_long ? FLAG_LONG : 0));
    for (size_t i = 0; i < size_bytes; i++) {
        head[1 + i] = (uint8_t)((uint64_t)length >> (8 * (size_bytes - 1 - i)));
    }
    append(buffer, head, 1 + size_bytes);
}

/* Drops the command when there is no room: then nobody reads anyway. */
static void send_command(Zmtp *zmtp, const void *body, size_t length)
{
    if (room(&zmtp->out) >= FRAME_HEAD_BYTES + length) {
        append_frame_head(&zmtp->out, FLAG_COMMAND, length);
        append(&zmtp->out, body, length);
    }
}

void zmtp_start(Zmtp *zmtp)
{
    static const uint8_t greeting[GREETING_BYTES] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    zmtp->in.start = zmtp->in.end = zmtp->out.start = zmtp->out.end = 0;
    zmtp->state = ZMTP_GREETING;
    zmtp->fault[0] = '\0';
    append(&zmtp->out, greeting, sizeof greeting);
}

size_t zmtp_pending(const Zmtp *zmtp, const uint8_t **at)
{
    *at = zmtp->out.bytes + zmtp->out.start;
    return zmtp->state == ZMTP_FAULT ? 0 : zmtp->out.end - zmtp->out.start;
}

void zmtp_sent(Zmtp *zmtp, size_t length)
{
    zmtp->out.start += length;
}

bool zmtp_send(Zmtp *zmtp, const uint8_t *header, size_t header_length, const void *const *payload, size_t parts,
               size_t part_length)
{
    size_t needed = 2 * FRAME_HEAD_BYTES + header_length + parts * part_length + CONTROL_RESERVE_BYTES;
    if (zmtp->state != ZMTP_READY || needed > room(&zmtp->out)) {
        return false;
    }
    append_frame_head(&zmtp->out, payload != NULL ? FLAG_MORE : 0, header_length);
    append(&zmtp->out, header, header_length);
    if (payload != NULL) {
        append_frame_head(&zmtp->out, 0, parts * part_length);
        for (size_t i = 0; i < parts; i++) {
            append(&zmtp->out, payload[i], part_length);
        }
    }
    return true;
}

/* ---- In ---- */

size_t zmtp_room(Zmtp *zmtp, uint8_t **at)
{
    if (zmtp->state == ZMTP_FAULT) {
        return 0;
    }
    size_t free_bytes = room(&zmtp->in);
    *at = zmtp->in.bytes + zmtp->in.end;
    return free_bytes;
}

void zmtp_received(Zmtp *zmtp, size_t length)
{
    zmtp->in.end += length;
}

/* Looks at the frame at this offset; false when it is not all there yet, or is too long: then with a fault. */
static bool peek_frame(Zmtp *zmtp, size_t offset, size_t limit, Frame *frame)
{
    const uint8_t *bytes = zmtp->in.bytes + offset;
    size_t available = zmtp->in.end - offset;
    if (available < 2) {
        return false;
    }
    frame->flags = bytes[0];
    size_t size_bytes = (frame->flags & FLAG_LONG) != 0 ? 8 : 1;
    if (frame->flags > 7 || (frame->flags & (FLAG_MORE | FLAG_COMMAND)) == (FLAG_MORE | FLAG_COMMAND)) {
        return fail(zmtp, "what answers sends no ZMTP frames");
    }
    if (available < 1 + size_bytes) {
        return false;
    }
    uint64_t length = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        length = length << 8 | bytes[1 + i];
    }
    if (length > ((frame->flags & FLAG_COMMAND) != 0 ? MAXIMUM_COMMAND_BYTES : limit)) {
        return fail(zmtp, "what answers sends longer frames than this protocol has");
    }
    frame->body = bytes + 1 + size_bytes;
    frame->length = (size_t)length;
    frame->end = offset + 1 + size_bytes + frame->length;
    return frame->end <= zmtp->in.end;
}

static bool take_greeting(Zmtp *zmtp)
{
    static const uint8_t null_mechanism[20] = "NULL";
    static const uint8_t ready[] = "\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\0";
    const uint8_t *bytes = zmtp->in.bytes + zmtp->in.start;
    size_t available = zmtp->in.end - zmtp->in.start;
    if ((available > 0 && bytes[0] != 0xff) || (available > 9 && bytes[9] != 0x7f)) {
        return fail(zmtp, "what answers does not speak ZMTP");
    }
    if (available < GREETING_BYTES) {
        return false;
    }
    if (bytes[10] < 3) {
        return fail(zmtp, "what answers speaks an old ZMTP: 3.0 or newer needed");
    }
    if (memcmp(bytes + 12, null_mechanism, sizeof null_mechanism) != 0) {
        return fail(zmtp, "the server asks for encryption, which plugins leave to `phoenix-stems relay`");
    }
    zmtp->in.start += GREETING_BYTES;
    zmtp->state = ZMTP_HANDSHAKE;
    send_command(zmtp, ready, sizeof ready - 1);
    return true;
}

static bool is_command(const Frame *frame, const char *name)
{
    size_t length = strlen(name);
    return frame->length > length && frame->body[0] == length && memcmp(frame->body + 1, name, length) == 0;
}

/* PING carries a time to live, then a context of at most 16 bytes, which PONG brings back. */
static void answer_ping(Zmtp *zmtp, const Frame *frame)
{
    enum { PING_BYTES = 7, CONTEXT_BYTES = 16 };
    uint8_t pong[5 + CONTEXT_BYTES] = {4, 'P', 'O', 'N', 'G'};
    size_t context = frame->length > PING_BYTES ? frame->length - PING_BYTES : 0;
    if (context <= CONTEXT_BYTES) {
        memcpy(pong + 5, frame->body + frame->length - context, context);
        send_command(zmtp, pong, 5 + context);
    }
}

static bool take_command(Zmtp *zmtp, const Frame *frame)
{
    zmtp->in.start = frame->end;
    if (is_command(frame, "ERROR")) {
        return fail(zmtp, "the server refuses the connection");
    }
    if (is_command(frame, "PING")) {
        answer_ping(zmtp, frame);
    }
    if (is_command(frame, "READY") && zmtp->state == ZMTP_HANDSHAKE) {
        zmtp->state = ZMTP_READY;
    }
    return true;
}

/* A message is taken when both its frames are there; commands may not lie between them. */
static bool take_message(Zmtp *zmtp, const Frame *first, ZmtpMessage *message)
{
    Frame second;
    *message = (ZmtpMessage){.header = first->body, .header_length = first->length};
    if ((first->flags & FLAG_MORE) == 0) {
        zmtp->in.start = first->end;
        return true;
    }
    if (!peek_frame(zmtp, first->end, zmtp->maximum_payload_bytes, &second)) {
        return false;
    }
    if ((second.flags & (FLAG_MORE | FLAG_COMMAND)) != 0) {
        return fail(zmtp, "what answers sends messages of more than two frames");
    }
    message->payload = second.body;
    message->payload_length = second.length;
    zmtp->in.start = second.end;
    return true;
}

bool zmtp_next(Zmtp *zmtp, ZmtpMessage *message)
{
    Frame frame;
    if (zmtp->state == ZMTP_GREETING && !take_greeting(zmtp)) {
        return false;
    }
    while (zmtp->state != ZMTP_FAULT && peek_frame(zmtp, zmtp->in.start, PHOENIX_MAXIMUM_HEADER_BYTES, &frame)) {
        if ((frame.flags & FLAG_COMMAND) == 0) {
            return zmtp->state == ZMTP_READY ? take_message(zmtp, &frame, message)
                                             : fail(zmtp, "what answers skips the ZMTP handshake");
        }
        take_command(zmtp, &frame);
    }
    return false;
}
