#include "doctor/listing.h"

#include "base/json.h"

static const char *const RESULTS[] = {
    [OUTCOME_PASS] = "pass",
    [OUTCOME_FAIL] = "fail",
    [OUTCOME_WARN] = "warn",
    [OUTCOME_SKIP] = "skip",
};

static unsigned count_all(const struct listing *listing) {
    return listing->counts[OUTCOME_PASS] + listing->counts[OUTCOME_FAIL] +
           listing->counts[OUTCOME_WARN] + listing->counts[OUTCOME_SKIP];
}

// Writes a sentence: with a capital letter and a full stop. Escapes bytes of the server, because
// they must not reach a terminal.
static void put_sentence(FILE *output, const char *text, const char *after) {
    for (bool first = true; *text != '\0'; text++, first = false) {
        char c = *text >= 0x20 && *text < 0x7f ? *text : '?';
        (void)fputc(first && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c, output);
    }
    (void)fputs(after, output);
}

static void put_member(FILE *output, const char *name, const char *text, const char *after) {
    (void)fprintf(output, "\"%s\": ", name);
    json_put_string(output, text);
    (void)fputs(after, output);
}

void listing_begin(struct listing *listing, const struct audit *audit, const char *version) {
    const struct target *target = &audit->target;
    char address[ADDRESS_TEXT_SIZE];
    address_format(&audit->address, address);
    if (!listing->json) {
        (void)fprintf(listing->output, "ravelin doctor: %s, port %s, at %s, %s%s\n\n", target->host,
                      target->port, address, target->name[0] == '\0' ? "without a name" : "as ",
                      target->name);
        return;
    }
    (void)fputs("{\n  ", listing->output);
    put_member(listing->output, "ravelin", version, ",\n  \"target\": {");
    put_member(listing->output, "host", target->host, ", ");
    (void)fprintf(listing->output, "\"port\": %s, ", target->port);
    put_member(listing->output, "name", target->name, ", ");
    put_member(listing->output, "address", address, "},\n  \"checks\": [");
}

static void add_json(struct listing *listing, const struct check *check,
                     const struct finding *finding) {
    (void)fputs(count_all(listing) == 0 ? "\n    {" : ",\n    {", listing->output);
    put_member(listing->output, "id", check->id, ", ");
    put_member(listing->output, "result", RESULTS[finding->outcome], ", ");
    put_member(listing->output, "title", check->title, ",\n     ");
    put_member(listing->output, "tried", check->tried, ",\n     ");
    put_member(listing->output, "came", finding->came, ",\n     ");
    put_member(listing->output, "why", check->why, "}");
}

void listing_add(struct listing *listing, const struct check *check,
                 const struct finding *finding) {
    if (listing->json) {
        add_json(listing, check, finding);
    } else {
        (void)fprintf(listing->output, "%s  %s (%s)\n      ", RESULTS[finding->outcome],
                      check->title, check->id);
        if (finding->outcome != OUTCOME_SKIP) {
            put_sentence(listing->output, check->tried, ". ");
        }
        put_sentence(listing->output, finding->came, ". ");
        put_sentence(listing->output, check->why, ".\n");
        (void)fflush(listing->output); // the next check may take some time
    }
    listing->counts[finding->outcome]++;
}

void listing_end(struct listing *listing) {
    const unsigned *counts = listing->counts;
    if (listing->json) {
        (void)fprintf(listing->output,
                      "\n  ],\n  \"summary\": {\"checks\": %u, \"pass\": %u, \"fail\": %u, "
                      "\"warn\": %u, \"skip\": %u}\n}\n",
                      count_all(listing), counts[OUTCOME_PASS], counts[OUTCOME_FAIL],
                      counts[OUTCOME_WARN], counts[OUTCOME_SKIP]);
        return;
    }
    (void)fprintf(listing->output, "\n%u checks: %u passed, %u failed, %u warned, %u skipped\n",
                  count_all(listing), counts[OUTCOME_PASS], counts[OUTCOME_FAIL],
                  counts[OUTCOME_WARN], counts[OUTCOME_SKIP]);
}
