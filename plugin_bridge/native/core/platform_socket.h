/* Local stream sockets that never block: one implementation file per platform. */
#ifndef PHOENIX_PLATFORM_SOCKET_H
#define PHOENIX_PLATFORM_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    SOCKET_DONE,
    SOCKET_WAITING,    /* not now */
    SOCKET_ABSENT,     /* nobody listens there */
    SOCKET_FAILED      /* anything else */
} SocketResult;

/* Starts to connect to ipc:///PATH or tcp://LOOPBACK-ADDRESS:PORT, numeric; anything else fails. *handle is -1 unless DONE or WAITING. `why`
   gets one line for people where it fails. */
SocketResult platform_socket_connect(const char *endpoint, int *handle, char *why, size_t why_bytes);

/* DONE once a connection that was WAITING is there. */
SocketResult platform_socket_finish(int handle, char *why, size_t why_bytes);

/* Sends or receives what is possible now; *done is how much. FAILED: the connection is gone. Raises no signal. */
SocketResult platform_socket_send(int handle, const void *bytes, size_t length, size_t *done);
SocketResult platform_socket_receive(int handle, void *bytes, size_t length, size_t *done);

void platform_socket_close(int handle); /* -1 allowed */

/* Sleeps until the socket (-1: none) can be read, or written where wanted, or the time is over. */
void platform_socket_wait(int handle, bool want_write, int timeout_ms);

/* The endpoint of this user's server: what `phoenix-stems serve` listens on unless told otherwise. False: does not fit. */
bool platform_default_endpoint(char *endpoint, size_t bytes);

#endif
