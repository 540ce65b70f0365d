/* ZMTP 3.0 with the NULL mechanism, as a DEALER: bytes to messages and back, without any socket.

   Reference: rfc.zeromq.org/spec/23 (3.0) and /37 (3.1, whose PING is answered). Every length from the wire is checked before
   anything is done with it; memory is allocated once. */
#ifndef PHOENIX_ZMTP_H
#define PHOENIX_ZMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { ZMTP_GREETING, ZMTP_HANDSHAKE, ZMTP_READY, ZMTP_FAULT } ZmtpState;

typedef struct {
    uint8_t *bytes;
    size_t capacity, start, end; /* what waits lies in start ... end */
} ZmtpBuffer;

typedef struct {
    ZmtpState state;
    ZmtpBuffer in, out;
    size_t maximum_payload_bytes;
    char fault[160]; /* why, in state ZMTP_FAULT */
} Zmtp;

typedef struct {
    const uint8_t *header, *payload; /* payload NULL: the message has one frame; valid until the next call */
    size_t header_length, payload_length;
} ZmtpMessage;

/* Memory for messages up to the protocol's header and this payload, and for so many bytes on their way out. Destroy is safe on a zeroed Zmtp. */
bool zmtp_create(Zmtp *zmtp, size_t maximum_payload_bytes, size_t maximum_outgoing_bytes);
void zmtp_destroy(Zmtp *zmtp);

/* A fresh connection: forgets all, and queues our greeting. */
void zmtp_start(Zmtp *zmtp);

/* Where received bytes go, and how many there is room for: never 0 in a state other than ZMTP_FAULT once zmtp_next has returned false. */
size_t zmtp_room(Zmtp *zmtp, uint8_t **at);
void zmtp_received(Zmtp *zmtp, size_t length);

/* The next whole message, if there is one. Does greeting, handshake and heartbeat on the way. */
bool zmtp_next(Zmtp *zmtp, ZmtpMessage *message);

/* What is to be sent. */
size_t zmtp_pending(const Zmtp *zmtp, const uint8_t **at);
void zmtp_sent(Zmtp *zmtp, size_t length);

/* Queues a message of one (payload NULL) or two frames, the payload being `parts` pieces of the same length; false: not ready, or no room. */
bool zmtp_send(Zmtp *zmtp, const uint8_t *header, size_t header_length, const void *const *payload, size_t parts,
               size_t part_length);

#endif
