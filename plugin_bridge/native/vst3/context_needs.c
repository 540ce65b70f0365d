/* IProcessContextRequirements: nothing of tempo or transport is needed. */
#include "instance.h"

VST3_DEFINE_UNKNOWN(context_needs)

static uint32_t VST3_CALL needs(void *self)
{
    (void)self;
    return 0;
}

const Vst3ContextNeedsTable vst3_context_needs_table = {query_interface, add_reference, release, needs};
