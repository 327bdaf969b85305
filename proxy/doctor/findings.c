#include "doctor/findings.h"

static const char *const RESULTS[] = {
    [OUTCOME_PASS] = "pass",
    [OUTCOME_FAIL] = "fail",
    [OUTCOME_WARN] = "warn",
    [OUTCOME_SKIP] = "skip",
};

static unsigned count_all(const struct findings *findings) {
    return findings->counts[OUTCOME_PASS] + findings->counts[OUTCOME_FAIL] +
           findings->counts[OUTCOME_WARN] + findings->counts[OUTCOME_SKIP];
}

// A sentence: with a capital letter and a full stop. What a server put into a text must not reach a
// terminal.
static void put_sentence(FILE *output, const char *text, const char *after) {
    for (bool first = true; *text != '\0'; text++, first = false) {
        char c = *text >= 0x20 && *text < 0x7f ? *text : '?';
        (void)fputc(first && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c, output);
    }
    (void)fputs(after, output);
}

static void put_string(FILE *output, const char *name, const char *text, const char *after) {
    (void)fprintf(output, "\"%s\": \"", name);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            (void)fputc('\\', output);
        }
        (void)fputc(*text >= 0x20 && *text < 0x7f ? *text : '?', output);
    }
    (void)fprintf(output, "\"%s", after);
}

void findings_begin(struct findings *findings, const struct audit *audit, const char *version) {
    const struct target *target = &audit->target;
    char address[ADDRESS_TEXT_SIZE];
    address_format(&audit->address, address);
    if (!findings->json) {
        (void)fprintf(findings->output, "ravelin doctor: %s, port %s, at %s, %s%s\n\n",
                      target->host, target->port, address,
                      target->name[0] == '\0' ? "without a name" : "as ", target->name);
        return;
    }
    (void)fputs("{\n  ", findings->output);
    put_string(findings->output, "ravelin", version, ",\n  \"target\": {");
    put_string(findings->output, "host", target->host, ", ");
    (void)fprintf(findings->output, "\"port\": %s, ", target->port);
    put_string(findings->output, "name", target->name, ", ");
    put_string(findings->output, "address", address, "},\n  \"checks\": [");
}

static void add_json(struct findings *findings, const struct check *check,
                     const struct finding *finding) {
    (void)fputs(count_all(findings) == 0 ? "\n    {" : ",\n    {", findings->output);
    put_string(findings->output, "id", check->id, ", ");
    put_string(findings->output, "result", RESULTS[finding->outcome], ", ");
    put_string(findings->output, "title", check->title, ",\n     ");
    put_string(findings->output, "tried", check->tried, ",\n     ");
    put_string(findings->output, "came", finding->came, ",\n     ");
    put_string(findings->output, "why", check->why, "}");
}

void findings_add(struct findings *findings, const struct check *check,
                  const struct finding *finding) {
    if (findings->json) {
        add_json(findings, check, finding);
    } else {
        (void)fprintf(findings->output, "%s  %s (%s)\n      ", RESULTS[finding->outcome],
                      check->title, check->id);
        if (finding->outcome != OUTCOME_SKIP) {
            put_sentence(findings->output, check->tried, ". ");
        }
        put_sentence(findings->output, finding->came, ". ");
        put_sentence(findings->output, check->why, ".\n");
        (void)fflush(findings->output); // the next check may take a while
    }
    findings->counts[finding->outcome]++;
}

void findings_end(struct findings *findings) {
    const unsigned *counts = findings->counts;
    if (findings->json) {
        (void)fprintf(findings->output,
                      "\n  ],\n  \"summary\": {\"checks\": %u, \"pass\": %u, \"fail\": %u, "
                      "\"warn\": %u, \"skip\": %u}\n}\n",
                      count_all(findings), counts[OUTCOME_PASS], counts[OUTCOME_FAIL],
                      counts[OUTCOME_WARN], counts[OUTCOME_SKIP]);
        return;
    }
    (void)fprintf(findings->output, "\n%u checks: %u passed, %u failed, %u warned, %u skipped\n",
                  count_all(findings), counts[OUTCOME_PASS], counts[OUTCOME_FAIL],
                  counts[OUTCOME_WARN], counts[OUTCOME_SKIP]);
}
