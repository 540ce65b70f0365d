#include "link.h"

#include <stdio.h>
#include <string.h>

bool link_create(Link *link, size_t maximum_payload_bytes, size_t maximum_outgoing_bytes)
{
    memset(link, 0, sizeof *link);
    link->handle = -1;
    return zmtp_create(&link->zmtp, maximum_payload_bytes, maximum_outgoing_bytes);
}

void link_destroy(Link *link)
{
    link_close(link);
    zmtp_destroy(&link->zmtp);
}

SocketResult link_open(Link *link, const char *endpoint)
{
    link_close(link);
    SocketResult result = platform_socket_connect(endpoint, &link->handle, link->why, sizeof link->why);
    link->is_connecting = result == SOCKET_WAITING;
    if (link->handle >= 0) {
        zmtp_start(&link->zmtp);
    }
    return result;
}

void link_close(Link *link)
{
    if (link->handle >= 0) {
        platform_socket_close(link->handle);
        link->handle = -1;
    }
}

static bool fail(Link *link, const char *why)
{
    snprintf(link->why, sizeof link->why, "%s", why);
    link_close(link);
    return false;
}

static bool finish_connecting(Link *link)
{
    SocketResult result = platform_socket_finish(link->handle, link->why, sizeof link->why);
    link->is_connecting = result == SOCKET_WAITING;
    if (result == SOCKET_ABSENT || result == SOCKET_FAILED) {
        link_close(link);
        return false;
    }
    return true;
}

static bool push(Link *link)
{
    const uint8_t *bytes;
    size_t length, done;
    while ((length = zmtp_pending(&link->zmtp, &bytes)) > 0) {
        SocketResult result = platform_socket_send(link->handle, bytes, length, &done);
        if (result != SOCKET_DONE) {
            return result == SOCKET_WAITING || fail(link, "the server has gone");
        }
        zmtp_sent(&link->zmtp, done);
    }
    return true;
}

static bool pull(Link *link)
{
    uint8_t *to;
    size_t room, done;
    while ((room = zmtp_room(&link->zmtp, &to)) > 0) {
        SocketResult result = platform_socket_receive(link->handle, to, room, &done);
        if (result != SOCKET_DONE) {
            return result == SOCKET_WAITING || fail(link, "the server has gone");
        }
        zmtp_received(&link->zmtp, done);
        if (done < room) {
            break;
        }
    }
    return true;
}

bool link_pump(Link *link)
{
    if (link->handle < 0) {
        return false;
    }
    if (link->is_connecting) {
        return finish_connecting(link);
    }
    if (link->zmtp.state == ZMTP_FAULT) {
        return fail(link, link->zmtp.fault);
    }
    return push(link) && pull(link);
}

bool link_is_ready(const Link *link)
{
    return link->handle >= 0 && !link->is_connecting && link->zmtp.state == ZMTP_READY;
}

bool link_has_outgoing(const Link *link)
{
    const uint8_t *bytes;
    return link->handle >= 0 && (link->is_connecting || zmtp_pending(&link->zmtp, &bytes) > 0);
}

bool link_receive(Link *link, ZmtpMessage *message)
{
    return link->handle >= 0 && !link->is_connecting && zmtp_next(&link->zmtp, message);
}

bool link_send(Link *link, const uint8_t *header, size_t header_length, const void *const *payload, size_t parts,
               size_t part_length)
{
    return link->handle >= 0 && zmtp_send(&link->zmtp, header, header_length, payload, parts, part_length);
}
