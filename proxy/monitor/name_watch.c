#include "monitor/name_watch.h"

static void ask(void *asker, struct question *question) {
    resolver_ask(asker, question);
}

static void forget(void *asker, struct question *question) {
    resolver_forget(asker, question);
}

// --- News ---

static void on_news(struct ev_loop *loop, ev_timer *timer, int events) {
    struct name_watch *watch = timer->data;
    (void)events;
    watch->told_at = ev_now(loop);
    watch->options->news(watch->options->context);
}

static void publish(void *context, size_t name, const struct server_answer *answer) {
    struct name_watch *watch = context;
    struct ev_loop *loop = watch->options->loop;
    server_answers_write(&watch->watched->answers, name, answer);
    if (!ev_is_active(&watch->news)) {
        ev_tstamp wait = watch->told_at + NAME_WATCH_NEWS_S - ev_now(loop);
        ev_timer_set(&watch->news, wait > 0. && wait < NAME_WATCH_NEWS_S ? wait : 0., 0.);
        ev_timer_start(loop, &watch->news);
    }
}

// --- Generations ---

static bool has_same_resolvers(const struct watched *a, const struct watched *b) {
    bool same = a->resolver_count == b->resolver_count;
    for (size_t i = 0; same && i < a->resolver_count; i++) {
        same = address_equal(&a->resolvers[i], &b->resolvers[i]);
    }
    return same;
}

bool name_watch_stage(struct name_watch *watch, const struct watched *watched) {
    const struct names_options options = {
        .loop = watch->options->loop,
        .config = watched->config,
        .asker = watch->resolver,
        .ask = ask,
        .forget = forget,
        .publish = publish,
        .context = watch,
        .metrics = watch->options->metrics,
    };
    name_watch_abort(watch);
    watch->staged = names_new(&options);
    return watch->staged != NULL;
}

void name_watch_commit(struct name_watch *watch, const struct watched *watched) {
    struct names *former = watch->names;
    bool again = watch->watched == NULL || !has_same_resolvers(watch->watched, watched);
    watch->watched = watched;
    watch->names = watch->staged;
    watch->staged = NULL;
    if (again && watched->resolver_count > 0) {
        // If memory is short, the former servers stay.
        (void)resolver_use(watch->resolver, watched->resolvers, watched->resolver_count);
    }
    names_start(watch->names, former, again);
    names_free(former);
}

void name_watch_abort(struct name_watch *watch) {
    names_free(watch->staged);
    watch->staged = NULL;
}

// --- Life ---

bool name_watch_init(struct name_watch *watch, const struct monitor_options *options) {
    *watch = (struct name_watch){.options = options, .resolver = resolver_new(options->loop)};
    ev_init(&watch->news, on_news);
    watch->news.data = watch;
    return watch->resolver != NULL;
}

void name_watch_free(struct name_watch *watch) {
    if (watch->options != NULL) {
        ev_timer_stop(watch->options->loop, &watch->news);
    }
    name_watch_abort(watch);
    names_free(watch->names);
    resolver_free(watch->resolver);
}
