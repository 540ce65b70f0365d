/* Lets Python see what wire_decode makes of bytes. */
#include <stdio.h>
#include <string.h>

#include "wire.h"

int probe_decode(const uint8_t *header, size_t length, const uint8_t *payload, size_t payload_length, char *text,
                 size_t bytes);

int probe_decode(const uint8_t *header, size_t length, const uint8_t *payload, size_t payload_length, char *text,
                 size_t bytes)
{
    WireMessage m;
    int result = (int)wire_decode(header, length, payload, payload_length, &m);
    snprintf(text, bytes, "%d|%lld|%lld|%lld|%lld,%lld,%lld,%lld|%lld|%lld|%lld|%s|%lld|%s|%lld|%lld|%llu|%s|%s", (int)m.kind,
             (long long)m.stream, (long long)m.major, (long long)m.maximum_block_frames, (long long)m.latency.hop,
             (long long)m.latency.synthesis_overlap, (long long)m.latency.look_ahead, (long long)m.latency.resampler,
             (long long)m.minimum_round_trip_samples, (long long)m.credit_frames, (long long)m.preroll_frames, m.redirect,
             (long long)m.position_samples, m.stem, (long long)m.stem_count, (long long)m.frames,
             (unsigned long long)m.token, m.code, m.reason);
    return result;
}
