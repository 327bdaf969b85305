#include "tls/handshake/refusal.h"

#include <stddef.h>

static const struct {
    uint8_t alert;
    const char *text;
} reasons[REFUSAL_COUNT] = {
#define REFUSAL_ROW(name, alert, text) [REFUSAL_##name] = {alert, text},
    REFUSALS(REFUSAL_ROW)
#undef REFUSAL_ROW
};

enum result refusal_set(struct refusal *refusal, enum refusal_reason reason, const char *text) {
    return refusal_set_with(refusal, reason, reasons[reason].alert, text);
}

enum result refusal_set_with(struct refusal *refusal, enum refusal_reason reason, uint8_t alert,
                             const char *text) {
    if (refusal->reason == REFUSAL_NONE) {
        *refusal = (struct refusal){reason, alert, text == NULL ? reasons[reason].text : text};
    }
    return RESULT_ERROR;
}

const char *refusal_text(enum refusal_reason reason) {
    return reasons[reason].text;
}
