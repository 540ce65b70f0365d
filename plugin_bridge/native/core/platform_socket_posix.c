#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "platform_socket.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE instead, below */
#endif

typedef union {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} Address;

static socklen_t parse_ipc(const char *path, Address *address)
{
    size_t length = strlen(path);
    if (path[0] != '/' || length >= sizeof address->local.sun_path) {
        return 0;
    }
    address->local.sun_family = AF_UNIX;
    memcpy(address->local.sun_path, path, length + 1);
    return (socklen_t)sizeof address->local;
}

static socklen_t parse_tcp(const char *text, Address *address)
{
    const char *colon = strrchr(text, ':');
    char host[64], *end;
    if (colon == NULL || (size_t)(colon - text) >= sizeof host) {
        return 0;
    }
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || port < 1 || port > 65535) {
        return 0;
    }
    size_t length = (size_t)(colon - text);
    bool has_brackets = length > 2 && text[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(has_brackets ? length - 2 : length), text + (has_brackets ? 1 : 0));
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127 ? (socklen_t)sizeof address->v4 : 0;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr) ? (socklen_t)sizeof address->v6 : 0;
    }
    return 0;
}

static socklen_t parse(const char *endpoint, Address *address)
{
    memset(address, 0, sizeof *address);
    if (strncmp(endpoint, "ipc://", 6) == 0) {
        return parse_ipc(endpoint + 6, address);
    }
    return strncmp(endpoint, "tcp://", 6) == 0 ? parse_tcp(endpoint + 6, address) : 0;
}

static bool configure(int handle, int family)
{
    int on = 1;
    if (family != AF_UNIX) {
        setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* blocks are small, and must not wait */
    }
#ifdef SO_NOSIGPIPE
    setsockopt(handle, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    int flags = fcntl(handle, F_GETFL);
    return flags >= 0 && fcntl(handle, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(handle, F_SETFD, FD_CLOEXEC) == 0;
}

static SocketResult explain(const char *endpoint, int error, char *why, size_t why_bytes)
{
    bool is_absent = error == ENOENT || error == ECONNREFUSED;
    if (is_absent) {
        snprintf(why, why_bytes, "no server at %s", endpoint);
    } else {
        char text[80];
        text[0] = '\0';
        if (strerror_r(error, text, sizeof text) != 0) {
            snprintf(text, sizeof text, "error %d", error);
        }
        snprintf(why, why_bytes, "%s: %s", endpoint, text);
    }
    return is_absent ? SOCKET_ABSENT : SOCKET_FAILED;
}

SocketResult platform_socket_connect(const char *endpoint, int *handle, char *why, size_t why_bytes)
{
    Address address;
    socklen_t length = parse(endpoint, &address);
    *handle = -1;
    if (length == 0) {
        snprintf(why, why_bytes, "endpoint %s: ipc:///PATH or tcp://LOOPBACK-ADDRESS:PORT allowed; "
                 "for another machine use `phoenix-stems relay`", endpoint);
        return SOCKET_FAILED;
    }
    int made = socket(address.any.sa_family, SOCK_STREAM, 0);
    if (made < 0 || !configure(made, address.any.sa_family)) {
        int error = errno;
        platform_socket_close(made);
        return explain(endpoint, error, why, why_bytes);
    }
    if (connect(made, &address.any, length) == 0) {
        *handle = made;
        return SOCKET_DONE;
    }
    if (errno == EINPROGRESS) {
        *handle = made;
        return SOCKET_WAITING;
    }
    int error = errno; /* EAGAIN: the queue of a server on a local socket is full; tried again like any failure */
    platform_socket_close(made);
    return explain(endpoint, error, why, why_bytes);
}

SocketResult platform_socket_finish(int handle, char *why, size_t why_bytes)
{
    struct pollfd waiting = {.fd = handle, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof error;
    if (poll(&waiting, 1, 0) <= 0) {
        return SOCKET_WAITING;
    }
    if (getsockopt(handle, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    return error == 0 ? SOCKET_DONE : explain("the server's address", error, why, why_bytes);
}

static SocketResult outcome(ssize_t moved, size_t *done)
{
    if (moved > 0) {
        *done = (size_t)moved;
        return SOCKET_DONE;
    }
    *done = 0;
    bool may_come = moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    return may_come ? SOCKET_WAITING : SOCKET_FAILED;
}

SocketResult platform_socket_send(int handle, const void *bytes, size_t length, size_t *done)
{
    return outcome(send(handle, bytes, length, MSG_NOSIGNAL), done);
}

SocketResult platform_socket_receive(int handle, void *bytes, size_t length, size_t *done)
{
    return outcome(recv(handle, bytes, length, 0), done);
}

void platform_socket_close(int handle)
{
    if (handle >= 0) {
        close(handle);
    }
}

void platform_socket_wait(int handle, bool want_write, int timeout_ms)
{
    struct pollfd waiting = {.fd = handle, .events = (short)(POLLIN | (want_write ? POLLOUT : 0))};
    poll(&waiting, handle < 0 ? 0 : 1, timeout_ms);
}

bool platform_default_endpoint(char *endpoint, size_t bytes)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *temporary = getenv("TMPDIR");
    int length;
    if (runtime != NULL && runtime[0] != '\0') {
        length = snprintf(endpoint, bytes, "ipc://%s/phoenix-stems/server.sock", runtime);
    } else {
        length = snprintf(endpoint, bytes, "ipc://%s/phoenix-stems-%u/server.sock",
                          temporary != NULL && temporary[0] == '/' ? temporary : "/tmp", (unsigned)getuid());
    }
    return length > 0 && (size_t)length < bytes;
}
