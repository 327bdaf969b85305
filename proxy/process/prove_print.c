#include "base/json.h"
#include "process/prove_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LABEL = 14, FILES_SHOWN = 20 };

static const char *on_disk_name(enum on_disk on_disk) {
    static const char *const names[] = {[ON_DISK_SAME] = "same",
                                        [ON_DISK_DIFFERENT] = "different",
                                        [ON_DISK_UNREADABLE] = "unreadable"};
    return names[on_disk];
}

static const char *seccomp_name(const struct proved_process *process) {
    return process->uid < 0 ? "unknown" : process->seccomp == 2 ? "filter" : "none";
}

// --- For people ---

static void print_label(const char *label) {
    (void)printf("%-*s", LABEL, label);
}

static void print_names(const char *label, const struct name_list *list) {
    print_label(label);
    for (size_t i = 0; i < list->count; i++) {
        (void)printf("%s%s", i > 0 ? ", " : "", list->names[i]);
    }
    (void)puts(list->count == 0 ? "none" : "");
}

static void print_tickets(const struct ticket_facts *tickets) {
    print_label("tickets");
    (void)printf("%s%s, %s\n", tickets->resumes_with_dhe ? "psk_dhe_ke" : "no psk_dhe_ke",
                 tickets->resumes_without_dhe ? " and psk_ke" : " only",
                 tickets->accepts_early_data ? "early data" : "no early data");
}

static void print_claim(const struct claim *claim) {
    static const char *const marks[] = {
        [PROOF_HOLDS] = " ", [PROOF_FAILS] = "!", [PROOF_UNAVAILABLE] = "?"};
    (void)printf("%s  %s (%s)\n", claim->holds ? "ok  " : "FAIL", claim->text, claim->name);
    for (size_t i = 0; i < claim->proof_count; i++) {
        const struct proof *proof = &claim->proofs[i];
        (void)printf("     %s %-10s %s\n", marks[proof->state], proof_kind_name(proof->kind),
                     proof->how);
    }
}

static void print_files(const struct proved_running *running) {
    for (size_t i = 0; i < running->file_count && i < FILES_SHOWN; i++) {
        const struct proved_file *file = &running->files[i];
        print_label(i == 0 ? "  loaded" : "");
        (void)printf("%s  %.*s (%s on disk)\n", file->sha256, (int)file->path.size, file->path.data,
                     on_disk_name(file->on_disk));
    }
    if (running->file_count > FILES_SHOWN) {
        print_label("");
        (void)printf("and %zu more, which --json lists\n", running->file_count - FILES_SHOWN);
    }
}

static void print_running(const struct proved_running *running) {
    print_label("running");
    (void)printf("pid %ld, ravelin %s, generation %" PRIu64 "\n", running->pid, running->version,
                 running->generation);
    print_label("  executable");
    (void)printf("%s\n%*s%s\n", running->executable_sha256, LABEL, "",
                 running->same_executable
                     ? "the same as this one"
                     : "NOT this one: what is proved here says nothing about what runs");
    print_files(running);
    print_label("  policies");
    (void)printf("require-post-quantum = %s, ticket-lifetime = %us\n",
                 running->require_post_quantum ? "yes" : "no", running->ticket_lifetime_s);
    for (size_t i = 0; i < running->process_count; i++) {
        const struct proved_process *process = &running->processes[i];
        print_label(i == 0 ? "  processes" : "");
        (void)printf("%s %u, pid %ld, %s: user %ld, seccomp %s, no new privileges %s, capabilities "
                     "%" PRIx64 "%s\n",
                     process->kind, process->slot, process->pid, process->state, process->uid,
                     seccomp_name(process), process->no_new_privileges ? "yes" : "no",
                     process->capabilities, process->sandboxed ? "" : " - NOT in its sandbox");
    }
}

void prove_print_text(const struct proved *proved) {
    const struct prove_report *report = proved->report;
    const struct negotiable *negotiable = &report->negotiable;
    print_label("ravelin");
    (void)puts(proved->version);
    print_label("executable");
    (void)printf("%s\n%*ssha256 %s\n", proved->executable_path, LABEL, "",
                 proved->executable_sha256);
    print_label("libraries");
    for (size_t i = 0; i < PROVED_LIBRARIES; i++) {
        (void)printf("%s %s, ", proved->libraries[i].name, proved->libraries[i].version);
    }
    (void)printf("%s\n\nWhat can be negotiated, as the TLS library in this executable answers:\n",
                 proved->kernel);
    print_names("versions", &negotiable->versions);
    print_names("suites", &negotiable->suites);
    print_names("groups", &negotiable->groups);
    print_names("signatures", &negotiable->signatures);
    print_tickets(&negotiable->tickets);
    print_names("compiled in", &report->library_suites);
    (void)puts("\nClaims, and how each was proved. handshake: the library was offered it; call: a "
               "function was\nasked for it; symbol: its code is not in this executable; constant: "
               "the library's header says so.");
    for (size_t i = 0; i < report->claim_count; i++) {
        print_claim(&report->claims[i]);
    }
    (void)putchar('\n');
    if (proved->config_path != NULL) {
        print_label("on disk");
        (void)printf("%s  %s\n", proved->config_sha256, proved->config_path);
    }
    if (proved->running != NULL) {
        print_running(proved->running);
    } else if (proved->config_path != NULL) {
        print_label("running");
        (void)puts("nothing runs with this file");
    }
    (void)puts(proved->holds ? "Every claim holds." : "Not every claim holds.");
}

// --- For programs ---

static void put_key(const char *key) {
    json_put_string(stdout, key);
    (void)fputs(": ", stdout);
}

static void put_text(const char *key, const char *text, const char *after) {
    put_key(key);
    json_put_string(stdout, text);
    (void)fputs(after, stdout);
}

static void put_bool(const char *key, bool value, const char *after) {
    put_key(key);
    (void)printf("%s%s", value ? "true" : "false", after);
}

static void put_names(const char *key, const struct name_list *list, const char *after) {
    put_key(key);
    (void)putchar('[');
    for (size_t i = 0; i < list->count; i++) {
        (void)fputs(i > 0 ? ", " : "", stdout);
        json_put_string(stdout, list->names[i]);
    }
    (void)printf("]%s", after);
}

static void put_claim(const struct claim *claim) {
    static const char *const states[] = {
        [PROOF_HOLDS] = "true", [PROOF_FAILS] = "false", [PROOF_UNAVAILABLE] = "null"};
    (void)putchar('{');
    put_text("name", claim->name, ", ");
    put_text("claim", claim->text, ", ");
    put_bool("holds", claim->holds, ", ");
    put_key("proofs");
    for (size_t i = 0; i < claim->proof_count; i++) {
        const struct proof *proof = &claim->proofs[i];
        (void)fputs(i == 0 ? "[{" : ",\n      {", stdout);
        put_text("kind", proof_kind_name(proof->kind), ", ");
        put_key("subject");
        if (proof->subject == NULL) {
            (void)fputs("null", stdout);
        } else {
            json_put_string(stdout, proof->subject);
        }
        (void)fputs(", ", stdout);
        put_text("how", proof->how, ", ");
        put_key("holds");
        (void)printf("%s}", states[proof->state]);
    }
    (void)fputs("]}", stdout);
}

static void put_file(const struct proved_file *file) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%.*s", (int)file->path.size, file->path.data);
    (void)putchar('{');
    put_text("path", path, ", ");
    put_text("sha256", file->sha256, ", ");
    put_text("on_disk", on_disk_name(file->on_disk), "}");
}

static void put_process(const struct proved_process *process) {
    (void)putchar('{');
    put_text("kind", process->kind, ", ");
    (void)printf("\"slot\": %u, \"pid\": %ld, ", process->slot, process->pid);
    put_text("state", process->state, ", ");
    (void)printf("\"uid\": %ld, ", process->uid);
    put_text("seccomp", seccomp_name(process), ", ");
    put_bool("no_new_privileges", process->no_new_privileges, ", ");
    (void)printf("\"capabilities\": \"%016" PRIx64 "\", ", process->capabilities);
    put_bool("sandboxed", process->sandboxed, "}");
}

static void put_running(const struct proved_running *running) {
    (void)printf("{\"pid\": %ld, ", running->pid);
    put_text("version", running->version, ", ");
    (void)printf("\"generation\": %" PRIu64 ",\n    ", running->generation);
    put_bool("same_executable", running->same_executable, ", ");
    put_text("executable_sha256", running->executable_sha256, ",\n    \"policies\": {");
    put_bool("require_post_quantum", running->require_post_quantum, ", ");
    (void)printf("\"ticket_lifetime_s\": %u},\n    \"files\": [", running->ticket_lifetime_s);
    for (size_t i = 0; i < running->file_count; i++) {
        (void)fputs(i > 0 ? ",\n      " : "", stdout);
        put_file(&running->files[i]);
    }
    (void)fputs("],\n    \"processes\": [", stdout);
    for (size_t i = 0; i < running->process_count; i++) {
        (void)fputs(i > 0 ? ",\n      " : "", stdout);
        put_process(&running->processes[i]);
    }
    (void)fputs("]}", stdout);
}

static void put_negotiable(const struct negotiable *negotiable) {
    put_names("versions", &negotiable->versions, ",\n    ");
    put_names("suites", &negotiable->suites, ",\n    ");
    put_names("groups", &negotiable->groups, ",\n    ");
    put_names("signatures", &negotiable->signatures, ",\n    \"tickets\": {");
    put_bool("psk_dhe_ke", negotiable->tickets.resumes_with_dhe, ", ");
    put_bool("psk_ke", negotiable->tickets.resumes_without_dhe, ", ");
    put_bool("early_data", negotiable->tickets.accepts_early_data, "}");
}

static void put_configuration(const struct proved *proved) {
    if (proved->config_path == NULL) {
        (void)fputs("null", stdout);
        return;
    }
    (void)putchar('{');
    put_text("path", proved->config_path, ", ");
    put_text("sha256", proved->config_sha256, "}");
}

void prove_print_json(const struct proved *proved) {
    const struct prove_report *report = proved->report;
    (void)fputs("{", stdout);
    put_text("ravelin", proved->version, ",\n  ");
    put_bool("holds", proved->holds, ",\n  \"executable\": {");
    put_text("path", proved->executable_path, ", ");
    put_text("sha256", proved->executable_sha256, ", ");
    put_bool("symbols", report->has_symbols, "},\n  \"libraries\": {");
    for (size_t i = 0; i < PROVED_LIBRARIES; i++) {
        put_text(proved->libraries[i].name, proved->libraries[i].version,
                 i + 1 < PROVED_LIBRARIES ? ", " : "},\n  ");
    }
    put_text("kernel", proved->kernel, ",\n  \"negotiates\": {");
    put_negotiable(&report->negotiable);
    (void)fputs("},\n  ", stdout);
    put_names("compiled_suites", &report->library_suites, ",\n  \"claims\": [\n    ");
    for (size_t i = 0; i < report->claim_count; i++) {
        (void)fputs(i > 0 ? ",\n    " : "", stdout);
        put_claim(&report->claims[i]);
    }
    (void)fputs("],\n  \"configuration\": ", stdout);
    put_configuration(proved);
    (void)fputs(",\n  \"running\": ", stdout);
    if (proved->running == NULL) {
        (void)fputs("null", stdout);
    } else {
        put_running(proved->running);
    }
    (void)fputs("}\n", stdout);
}
