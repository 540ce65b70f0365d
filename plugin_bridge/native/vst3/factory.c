/* What a .vst3 file shows: two functions for the module's life, and the factory. */
#include <stdio.h>
#include <string.h>

#include "instance.h"

static const char *const NAMES[STEMS_KIND_COUNT] = {[STEMS_MIX] = STEMS_MIX_NAME, [STEMS_MULTI] = STEMS_MULTI_NAME};
static const Vst3Id CLASSES[STEMS_KIND_COUNT] = {
    [STEMS_MIX] = VST3_ID(0x49085BD9, 0x2BBB45EB, 0xBB346FEE, 0x305330D2),
    [STEMS_MULTI] = VST3_ID(0x737FE4AC, 0x558F4284, 0xBB67A717, 0x80ED63C6),
};
static const char CATEGORY[] = "Audio Module Class";

static Vst3Result VST3_CALL query_interface(void *self, const uint8_t *interface, void **out)
{
    const bool known = memcmp(interface, VST3_IID_UNKNOWN, sizeof(Vst3Id)) == 0 ||
                       memcmp(interface, VST3_IID_FACTORY, sizeof(Vst3Id)) == 0 ||
                       memcmp(interface, VST3_IID_FACTORY_2, sizeof(Vst3Id)) == 0;
    *out = known ? self : NULL;
    return known ? VST3_OK : VST3_NO_INTERFACE;
}

/* The factory is static: it lives as long as the module, however many hold it. */
static uint32_t VST3_CALL keep(void *self)
{
    (void)self;
    return 1;
}

static Vst3Result VST3_CALL factory_info(void *self, Vst3FactoryInfo *info)
{
    (void)self;
    memset(info, 0, sizeof *info);
    snprintf(info->vendor, sizeof info->vendor, "%s", STEMS_VENDOR);
    info->flags = VST3_UNICODE;
    return VST3_OK;
}

static int32_t VST3_CALL count(void *self)
{
    (void)self;
    return STEMS_KIND_COUNT;
}

static Vst3Result VST3_CALL class_info(void *self, int32_t index, Vst3ClassInfo *info)
{
    (void)self;
    if (index < 0 || index >= STEMS_KIND_COUNT) {
        return VST3_INVALID_ARGUMENT;
    }
    memset(info, 0, sizeof *info);
    memcpy(info->id, CLASSES[index], sizeof(Vst3Id));
    info->cardinality = VST3_MANY_INSTANCES;
    snprintf(info->category, sizeof info->category, "%s", CATEGORY);
    snprintf(info->name, sizeof info->name, "%s", NAMES[index]);
    return VST3_OK;
}

static Vst3Result VST3_CALL class_info_2(void *self, int32_t index, Vst3ClassInfo2 *info)
{
    (void)self;
    if (index < 0 || index >= STEMS_KIND_COUNT) {
        return VST3_INVALID_ARGUMENT;
    }
    memset(info, 0, sizeof *info);
    memcpy(info->id, CLASSES[index], sizeof(Vst3Id));
    info->cardinality = VST3_MANY_INSTANCES;
    snprintf(info->category, sizeof info->category, "%s", CATEGORY);
    snprintf(info->name, sizeof info->name, "%s", NAMES[index]);
    snprintf(info->subcategories, sizeof info->subcategories, "Fx|Tools");
    snprintf(info->vendor, sizeof info->vendor, "%s", STEMS_VENDOR);
    snprintf(info->version, sizeof info->version, "%s", STEMS_VERSION);
    snprintf(info->sdk_version, sizeof info->sdk_version, "VST 3.7");
    return VST3_OK;
}

static Vst3Result VST3_CALL create(void *self, const uint8_t *class_id, const uint8_t *interface, void **out)
{
    (void)self;
    *out = NULL;
    for (StemsKind kind = STEMS_MIX; kind <= STEMS_MULTI; kind++) {
        if (memcmp(CLASSES[kind], class_id, sizeof(Vst3Id)) != 0) {
            continue;
        }
        Vst3Instance *instance = vst3_instance_create(kind);
        if (instance == NULL) {
            return VST3_INTERNAL_ERROR;
        }
        const Vst3Result result = vst3_instance_query(instance, interface, out);
        vst3_instance_release(instance);
        return result;
    }
    return VST3_INVALID_ARGUMENT;
}

VST3_EXPORT void *VST3_CALL GetPluginFactory(void);
VST3_EXPORT void *VST3_CALL GetPluginFactory(void)
{
    static const Vst3FactoryTable table = {
        query_interface, keep, keep, factory_info, count, class_info, create, class_info_2,
    };
    static struct {
        const Vst3FactoryTable *table;
    } factory = {&table};
    return &factory;
}

VST3_EXPORT bool ModuleEntry(void *library);
VST3_EXPORT bool ModuleEntry(void *library)
{
    (void)library;
    return true;
}

VST3_EXPORT bool ModuleExit(void);
VST3_EXPORT bool ModuleExit(void)
{
    return true;
}
