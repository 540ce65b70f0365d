/* One connection to a server: a socket with ZMTP on it. Belongs to the worker; no call waits. */
#ifndef PHOENIX_LINK_H
#define PHOENIX_LINK_H

#include "platform_socket.h"
#include "zmtp.h"

typedef struct {
    int handle; /* -1: closed */
    bool is_connecting;
    Zmtp zmtp;
    char why[256]; /* the last failure */
} Link;

bool link_create(Link *link, size_t maximum_payload_bytes, size_t maximum_outgoing_bytes);
void link_destroy(Link *link);

/* Closes what was open, and starts to connect. ABSENT: nobody listens there. */
SocketResult link_open(Link *link, const char *endpoint);
void link_close(Link *link);

/* Moves bytes both ways; false, with `why`, when the connection has broken. */
bool link_pump(Link *link);

bool link_is_ready(const Link *link);     /* ZMTP's handshake is done */
bool link_has_outgoing(const Link *link); /* bytes wait for the socket */

/* The next message received; check link_pump's result too, since a fault shows there. */
bool link_receive(Link *link, ZmtpMessage *message);

/* As zmtp_send. */
bool link_send(Link *link, const uint8_t *header, size_t header_length, const void *const *payload, size_t parts,
               size_t part_length);

#endif
