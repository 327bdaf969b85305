#include "observe/access_fields.h"

#include <assert.h>
#include <stddef.h>

static_assert(ACCESS_FIELD_COUNT <= 64, "a set of fields has 64 bits");

#define NAME(name, upper, kind, member) [ACCESS_FIELD_##upper] = #name,
const char *const access_field_names[ACCESS_FIELD_COUNT + 1] = {ACCESS_FIELDS(NAME) NULL};

bool access_fields_add(struct access_fields *fields, unsigned field) {
    if (field >= ACCESS_FIELD_COUNT || access_fields_have(fields, (enum access_field)field)) {
        return false;
    }
    fields->items[fields->count++] = (uint8_t)field;
    fields->set |= UINT64_C(1) << field;
    return true;
}
