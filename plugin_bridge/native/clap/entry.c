/* What a .clap file shows: an entry, a factory, two descriptors. */
#include <string.h>

#include "plugin.h"

static const char *const MIX_FEATURES[] = {"audio-effect", "stereo", "mixing", NULL};
static const char *const MULTI_FEATURES[] = {"audio-effect", "stereo", "utility", NULL};

static const ClapDescriptor MIX = {
    CLAP_VERSION_USED, STEMS_MIX_CLAP_ID, STEMS_MIX_NAME, STEMS_VENDOR, "", "", "",
    STEMS_VERSION,     STEMS_MIX_SUMMARY, MIX_FEATURES,
};
static const ClapDescriptor MULTI = {
    CLAP_VERSION_USED, STEMS_MULTI_CLAP_ID, STEMS_MULTI_NAME, STEMS_VENDOR, "", "", "",
    STEMS_VERSION,     STEMS_MULTI_SUMMARY, MULTI_FEATURES,
};
static const ClapDescriptor *const DESCRIPTORS[STEMS_KIND_COUNT] = {[STEMS_MIX] = &MIX, [STEMS_MULTI] = &MULTI};

static uint32_t CLAP_ABI count(const ClapFactory *factory)
{
    (void)factory;
    return STEMS_KIND_COUNT;
}

static const ClapDescriptor *CLAP_ABI descriptor(const ClapFactory *factory, uint32_t index)
{
    (void)factory;
    return index < STEMS_KIND_COUNT ? DESCRIPTORS[index] : NULL;
}

static const ClapPlugin *CLAP_ABI create(const ClapFactory *factory, const ClapHost *host, const char *plugin_id)
{
    (void)factory;
    for (StemsKind kind = STEMS_MIX; kind <= STEMS_MULTI; kind++) {
        if (strcmp(DESCRIPTORS[kind]->id, plugin_id) == 0) {
            return clap_instance_create(kind, DESCRIPTORS[kind], host);
        }
    }
    return NULL;
}

static bool CLAP_ABI init(const char *plugin_path)
{
    (void)plugin_path;
    return true;
}

static void CLAP_ABI deinit(void)
{
}

static const void *CLAP_ABI get_factory(const char *factory_id)
{
    static const ClapFactory factory = {count, descriptor, create};
    return strcmp(factory_id, CLAP_FACTORY_ID) == 0 ? &factory : NULL;
}

extern const ClapEntry clap_entry;
CLAP_EXPORT const ClapEntry clap_entry = {CLAP_VERSION_USED, init, deinit, get_factory};
