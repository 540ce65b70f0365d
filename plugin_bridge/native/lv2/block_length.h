/* How long the host's blocks are, from the options it passes (LV2 buf-size and options extensions). */
#ifndef STEMS_LV2_BLOCK_LENGTH_H
#define STEMS_LV2_BLOCK_LENGTH_H

#include <stdbool.h>

#include "lv2/core/lv2.h"
#include "lv2/options/options.h"
#include "lv2/urid/urid.h"

typedef struct {
    LV2_URID nominal, maximum, integer; /* 0 where the host maps no URIs */
} Lv2BlockUrids;

Lv2BlockUrids lv2_block_urids(const LV2_Feature *const *features);

/* The nominal length, as the maximum of some hosts only holds while exporting, when no one waits for
 * blocks; without it the maximum; without either `otherwise`. */
uint32_t lv2_block_frames(const Lv2BlockUrids *urids, const LV2_Options_Option *options, uint32_t otherwise);

/* The data of a feature, or NULL. */
const void *lv2_feature(const LV2_Feature *const *features, const char *uri);

#endif
