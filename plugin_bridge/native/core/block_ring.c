#include "block_ring.h"

size_t block_ring_bytes(uint32_t channels, size_t frames, size_t block_frames)
{
    size_t per_block = block_frames < 1 ? 1 : block_frames;
    size_t blocks = frames / per_block + frames / BLOCK_PIECE_FRAMES + 2;
    return frames * channels * sizeof(float) + blocks * sizeof(BlockHeader);
}

static bool write_piece(Ring *ring, BlockHeader header, const float *const *samples, uint32_t channels,
                        uint32_t offset) STEMS_NONBLOCKING
{
    RingPart parts[1 + BLOCK_MAXIMUM_CHANNELS] = {{&header, sizeof header}};
    for (uint32_t c = 0; c < channels; c++) {
        parts[1 + c] = (RingPart){samples[c] + offset, header.frames * sizeof(float)};
    }
    return ring_write(ring, parts, 1 + channels);
}

uint32_t block_ring_write(Ring *ring, int64_t position_samples, const float *const *samples, uint32_t channels,
                          uint32_t frames) STEMS_NONBLOCKING
{
    uint32_t done = 0;
    while (done < frames) {
        uint32_t piece = frames - done < BLOCK_PIECE_FRAMES ? frames - done : BLOCK_PIECE_FRAMES;
        if (!write_piece(ring, (BlockHeader){position_samples + done, piece, BLOCK_AUDIO}, samples, channels, done)) {
            break;
        }
        done += piece;
    }
    return done;
}

bool block_ring_write_seek(Ring *ring, int64_t position_samples) STEMS_NONBLOCKING
{
    return write_piece(ring, (BlockHeader){position_samples, 0, BLOCK_SEEK}, NULL, 0, 0);
}

bool block_ring_read(Ring *ring, BlockHeader *header, float *const *samples, uint32_t channels) STEMS_NONBLOCKING
{
    if (!ring_read(ring, header, sizeof *header)) {
        return false;
    }
    for (uint32_t c = 0; c < channels && header->frames > 0; c++) {
        ring_read(ring, samples[c], header->frames * sizeof(float));
    }
    return true;
}

void block_ring_drain(Ring *ring, uint32_t channels) STEMS_NONBLOCKING
{
    BlockHeader header;
    while (ring_read(ring, &header, sizeof header)) {
        ring_read(ring, NULL, (size_t)header.frames * channels * sizeof(float));
    }
}
