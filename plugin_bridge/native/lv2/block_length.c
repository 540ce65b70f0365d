#include "block_length.h"

#include <string.h>

#include "lv2/atom/atom.h"
#include "lv2/buf-size/buf-size.h"
#include "stems_plugin.h"

const void *lv2_feature(const LV2_Feature *const *features, const char *uri)
{
    for (; features != NULL && *features != NULL; features++) {
        if (strcmp((*features)->URI, uri) == 0) {
            return (*features)->data;
        }
    }
    return NULL;
}

Lv2BlockUrids lv2_block_urids(const LV2_Feature *const *features)
{
    const LV2_URID_Map *map = lv2_feature(features, LV2_URID__map);
    if (map == NULL) {
        return (Lv2BlockUrids){0, 0, 0};
    }
    return (Lv2BlockUrids){
        .nominal = map->map(map->handle, LV2_BUF_SIZE__nominalBlockLength),
        .maximum = map->map(map->handle, LV2_BUF_SIZE__maxBlockLength),
        .integer = map->map(map->handle, LV2_ATOM__Int),
    };
}

static uint32_t length_of(const LV2_Options_Option *option)
{
    const int32_t frames = *(const int32_t *)option->value;
    return frames >= 1 && frames <= STEMS_MAXIMUM_BLOCK_FRAMES ? (uint32_t)frames : 0;
}

uint32_t lv2_block_frames(const Lv2BlockUrids *urids, const LV2_Options_Option *options, uint32_t otherwise)
{
    uint32_t nominal = 0, maximum = 0;
    if (options == NULL || urids->integer == 0) {
        return otherwise;
    }
    for (; options->key != 0; options++) {
        if (options->type != urids->integer || options->size != sizeof(int32_t)) {
            continue;
        }
        if (options->key == urids->nominal) {
            nominal = length_of(options);
        }
        if (options->key == urids->maximum) {
            maximum = length_of(options);
        }
    }
    if (nominal != 0) {
        return nominal;
    }
    return maximum != 0 ? maximum : otherwise;
}
