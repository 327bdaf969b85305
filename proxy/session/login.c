#include "session/login.h"

#include "base/secret.h"
#include "exchange/account.h"
#include "exchange/rules.h"
#include "http/basic.h"
#include "session/sessions.h"

#include <stdio.h>
#include <stdlib.h>

// Time after which the limit LOGINS_WAIT_MS of logins.c must have expired.
enum { GRACE_MS = 2000 };

struct login {
    struct verdict verdict;
    struct login_wait wait;
    struct shared *shared;
    const struct config_route *route;
    bool is_judged;
    size_t line_size;
    char line[]; // field line for the server: name of the user
};

// An asker gets only the part of the sessions that exchanges use.
static struct logins *logins_of(struct shared *shared) {
    return &LIST_ENTRY(shared, struct sessions, shared)->logins;
}

static struct login *login_of(struct verdict *verdict) {
    return LIST_ENTRY(verdict, struct login, verdict);
}

// --- Answers ---

static struct answer ask_for_password(struct shared *shared, const struct config_route *route,
                                      const char *why) {
    int size =
        snprintf(shared->scratch, shared->scratch_size,
                 "WWW-Authenticate: Basic realm=\"%s\", charset=\"UTF-8\"\r\n", route->login.realm);
    struct answer answer = answer_of(401, why);
    answer.fields = (struct slice){shared->scratch, (size_t)size};
    return answer;
}

// Converts a verdict to an answer. Every verdict except LOGIN_GRANTED has one.
static struct answer answer_for(struct shared *shared, const struct config_route *route,
                                const struct login_wait *wait) {
    uint32_t wait_s = wait->wait_s == 0 ? 1 : wait->wait_s;
    switch (wait->verdict) {
    case LOGIN_GRANTED:
        return NO_ANSWER;
    case LOGIN_WRONG:
        return ask_for_password(shared, route, "wrong user or password");
    case LOGIN_LATER:
        return shared_answer_later(shared, 429, "too many wrong passwords", wait_s);
    default:
        return shared_answer_later(shared, 503, "passwords cannot be checked now", wait_s);
    }
}

// --- The verdict ---

static enum result advance(struct verdict *verdict) {
    struct login *login = login_of(verdict);
    if (!login->is_judged) {
        return RESULT_AGAIN;
    }
    struct answer answer = answer_for(login->shared, login->route, &login->wait);
    if (answer.status != 0) {
        return verdict_refuse(verdict, answer);
    }
    verdict->fields = (struct slice){login->line, login->line_size};
    return RESULT_OK;
}

static enum result timed_out(struct verdict *verdict) {
    struct login *login = login_of(verdict);
    login->wait.verdict = LOGIN_BUSY;
    return verdict_refuse(verdict, answer_for(login->shared, login->route, &login->wait));
}

static void leave(struct verdict *verdict) {
    struct login *login = login_of(verdict);
    logins_forget(logins_of(login->shared), &login->wait);
    free(login);
}

static void on_judged(struct login_wait *wait) {
    struct login *login = LIST_ENTRY(wait, struct login, wait);
    login->is_judged = true;
    verdict_wake(&login->verdict);
}

static const struct verdict_verbs verbs = {
    .advance = advance, .timed_out = timed_out, .leave = leave};

// --- Asking ---

// NULL: memory is short.
static struct login *make(const struct choice *choice, struct slice user) {
    const struct config_route *route = choice->route;
    const char *name = route->user_header;
    size_t capacity = name == NULL ? 1 : strlen(name) + user.size + sizeof(": \r\n");
    struct login *login = calloc(1, sizeof(*login) + capacity);
    if (login == NULL) {
        return NULL;
    }
    login->verdict.verbs = &verbs;
    login->verdict.deadline_ms = shared_now_ms(choice->shared) + LOGINS_WAIT_MS + GRACE_MS;
    login->wait.judged = on_judged;
    login->shared = choice->shared;
    login->route = route;
    if (name != NULL) {
        login->line_size = (size_t)snprintf(login->line, capacity, "%s: %.*s\r\n", name,
                                            (int)user.size, user.data);
    }
    return login;
}

static struct answer judge(const struct verdict_question *question, const struct http_basic *basic,
                           struct verdict **verdict) {
    const struct choice *choice = question->choice;
    struct shared *shared = choice->shared;
    const struct login_ask ask = {
        .file = choice->route->login.mark,
        .user = basic->user,
        .password = basic->password,
        .client = client_table_key(shared->clients, &choice->client_address.any),
        .now_us = shared->turn_us,
    };
    struct login *login = make(choice, basic->user);
    if (login == NULL) {
        return answer_of(503, "no memory for a request");
    }
    login->is_judged = logins_ask(logins_of(shared), &ask, &login->wait);
    struct answer answer =
        login->is_judged ? answer_for(shared, choice->route, &login->wait) : NO_ANSWER;
    if (answer.status != 0 || (login->is_judged && login->line_size == 0)) {
        free(login);
    } else {
        *verdict = &login->verdict;
    }
    return answer;
}

struct answer login_ask(const struct verdict_question *question, struct verdict **verdict) {
    const struct choice *choice = question->choice;
    const struct http_field *field =
        http_fields_find(question->request->fields, FIELD_AUTHORIZATION);
    struct http_basic basic;
    if (field == NULL || !http_basic_read(field->value, &basic)) {
        return ask_for_password(choice->shared, choice->route, "no user and password");
    }
    account_keep_user(question->account, basic.user);
    struct answer answer = judge(question, &basic, verdict);
    secret_wipe(&basic, sizeof(basic));
    return answer;
}
