#define CARES_NO_DEPRECATED // the calls that all versions have
#include "monitor/resolver.h"

#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { EDNS_SIZE = 1232, CLASS_IN = 1 };

// A question that c-ares has. c-ares answers each one, at the latest when the channel is destroyed.
struct asked {
    struct resolver *resolver;
    struct question *question; // NULL: forgotten
    enum dns_type type;
    char host[HOST_TEXT_SIZE];
};

// A socket of c-ares.
struct watch {
    struct list_node node;
    struct resolver *resolver;
    ev_io io;
};

struct resolver {
    struct ev_loop *loop;
    ares_channel channel;
    bool is_ending;
    bool is_changing; // the servers are being changed: new questions wait
    bool is_asking;   // in ask_waiting(): c-ares may answer a question at once
    struct list_node watches;
    struct list_node waiting; // question.node
    size_t asked;
    ev_timer timer;
    struct dns_answer answer; // scratch
};

// --- Sockets ---

static ares_socket_t open_socket(int family, int type, int protocol, void *context) {
    (void)context;
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int close_socket(ares_socket_t fd, void *context) {
    (void)context;
    return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t size,
                          void *context) {
    (void)context;
    return connect(fd, address, size);
}

static ares_ssize_t receive(ares_socket_t fd, void *data, size_t size, int flags,
                            struct sockaddr *from, ares_socklen_t *from_size, void *context) {
    (void)context;
    return recvfrom(fd, data, size, flags, from, from_size);
}

static ares_ssize_t send_parts(ares_socket_t fd, const struct iovec *parts, int count,
                               void *context) {
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                             .msg_iovlen = (size_t)count};
    (void)context;
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static const struct ares_socket_functions SOCKETS = {open_socket, close_socket, connect_socket,
                                                     receive, send_parts};

// --- The loop ---

static void set_timer(struct resolver *resolver) {
    struct timeval time;
    ev_timer_stop(resolver->loop, &resolver->timer);
    if (ares_timeout(resolver->channel, NULL, &time) != NULL) {
        ev_timer_set(&resolver->timer, (ev_tstamp)time.tv_sec + (ev_tstamp)time.tv_usec * 1e-6, 0.);
        ev_timer_start(resolver->loop, &resolver->timer);
    }
}

static void on_time(struct ev_loop *loop, ev_timer *timer, int events) {
    struct resolver *resolver = timer->data;
    (void)loop;
    (void)events;
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(resolver);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events) {
    struct resolver *resolver = ((struct watch *)io->data)->resolver;
    int fd = io->fd; // c-ares may close it, and free the watch
    (void)loop;
    ares_process_fd(resolver->channel, (events & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
                    (events & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
    set_timer(resolver);
}

static struct watch *find_watch(struct resolver *resolver, int fd) {
    for (struct list_node *node = resolver->watches.next; node != &resolver->watches;
         node = node->next) {
        struct watch *watch = LIST_ENTRY(node, struct watch, node);
        if (watch->io.fd == fd) {
            return watch;
        }
    }
    return NULL;
}

static void drop_watch(struct watch *watch) {
    ev_io_stop(watch->resolver->loop, &watch->io);
    list_remove(&watch->node);
    free(watch);
}

static struct watch *add_watch(struct resolver *resolver, int fd) {
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch != NULL) {
        watch->resolver = resolver;
        ev_io_init(&watch->io, on_socket, fd, 0);
        watch->io.data = watch;
        list_push_last(&resolver->watches, &watch->node);
    }
    return watch;
}

// Sets the events that c-ares wants for a socket. Without memory for it, the question times out.
static void on_state(void *context, ares_socket_t fd, int readable, int writable) {
    struct resolver *resolver = context;
    struct watch *watch = find_watch(resolver, fd);
    int events = (readable != 0 ? EV_READ : 0) | (writable != 0 ? EV_WRITE : 0);
    if (events == 0) {
        if (watch != NULL) {
            drop_watch(watch);
        }
        return;
    }
    watch = watch != NULL ? watch : add_watch(resolver, fd);
    if (watch != NULL) {
        ev_io_stop(resolver->loop, &watch->io);
        ev_io_set(&watch->io, fd, events);
        ev_io_start(resolver->loop, &watch->io);
    }
}

// --- Questions ---

static enum dns_outcome outcome_of(int status) {
    switch (status) {
    case ARES_SUCCESS:
        return DNS_FOUND;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        return DNS_EMPTY;
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
        return DNS_SILENT;
    case ARES_ECANCELLED:
        return DNS_AGAIN;
    default:
        return DNS_FAILED;
    }
}

static enum dns_outcome read_answer(const struct asked *asked, enum dns_outcome outcome,
                                    const uint8_t *data, int size) {
    struct dns_answer *answer = &asked->resolver->answer;
    if (outcome == DNS_EMPTY && data == NULL) {
        *answer = (struct dns_answer){.count = 0};
        return outcome;
    }
    if (outcome != DNS_FOUND && outcome != DNS_EMPTY) {
        return outcome;
    }
    if (data == NULL || size < 0 ||
        dns_answer_read(data, (size_t)size, asked->host, asked->type, answer) != RESULT_OK) {
        return DNS_FAILED;
    }
    return answer->count > 0 ? DNS_FOUND : DNS_EMPTY;
}

static void ask_waiting(struct resolver *resolver);

static void on_answer(void *context, int status, int timeouts, unsigned char *data, int size) {
    struct asked *asked = context;
    struct resolver *resolver = asked->resolver;
    struct question *question = asked->question;
    (void)timeouts;
    resolver->asked--;
    if (question != NULL) {
        question->asked = NULL;
        if (!resolver->is_ending) {
            enum dns_outcome outcome = read_answer(asked, outcome_of(status), data, size);
            question->answered(question, outcome, &resolver->answer);
        }
    }
    free(asked);
    if (!resolver->is_ending) {
        ask_waiting(resolver);
    }
}

static void ask_now(struct resolver *resolver, struct question *question) {
    struct asked *asked = calloc(1, sizeof(*asked));
    if (asked == NULL) {
        question->answered(question, DNS_FAILED, NULL);
        return;
    }
    asked->resolver = resolver;
    asked->question = question;
    asked->type = question->type;
    strncpy(asked->host, question->host, sizeof(asked->host) - 1);
    question->asked = asked;
    resolver->asked++;
    ares_query(resolver->channel, asked->host, CLASS_IN, (int)asked->type, on_answer, asked);
}

static bool is_full(const struct resolver *resolver) {
    return resolver->is_changing || resolver->asked >= RESOLVER_QUESTIONS_MAX;
}

// A loop, because any number of questions can wait, and each may fail at once.
static void ask_waiting(struct resolver *resolver) {
    if (resolver->is_asking) {
        return; // the loop that runs asks the next one
    }
    resolver->is_asking = true;
    while (!list_is_empty(&resolver->waiting) && !is_full(resolver)) {
        struct question *next = LIST_ENTRY(resolver->waiting.next, struct question, node);
        list_remove(&next->node);
        ask_now(resolver, next);
    }
    resolver->is_asking = false;
}

void question_init(struct question *question) {
    *question = (struct question){.asked = NULL};
    list_init(&question->node);
}

void resolver_ask(struct resolver *resolver, struct question *question) {
    if (is_full(resolver)) {
        list_push_last(&resolver->waiting, &question->node);
        return;
    }
    ask_now(resolver, question);
    set_timer(resolver);
}

void resolver_forget(struct resolver *resolver, struct question *question) {
    (void)resolver;
    list_remove(&question->node);
    if (question->asked != NULL) {
        question->asked->question = NULL;
        question->asked = NULL;
    }
}

// --- Making ---

bool resolver_use(struct resolver *resolver, const struct address *servers, size_t count) {
    struct ares_addr_port_node *nodes = calloc(count, sizeof(*nodes));
    for (size_t i = 0; nodes != NULL && i < count; i++) {
        struct ares_addr_port_node *node = &nodes[i];
        node->next = i + 1 < count ? node + 1 : NULL;
        node->family = servers[i].as.any.sa_family;
        node->udp_port = node->tcp_port = address_port(&servers[i]);
        if (node->family == AF_INET) {
            node->addr.addr4 = servers[i].as.v4.sin_addr;
        } else {
            memcpy(&node->addr.addr6, &servers[i].as.v6.sin6_addr, sizeof(node->addr.addr6));
        }
    }
    if (nodes == NULL) {
        return false;
    }
    // The channel accepts other servers only while no question is under way.
    resolver->is_changing = true;
    ares_cancel(resolver->channel);
    int status = ares_set_servers_ports(resolver->channel, nodes);
    resolver->is_changing = false;
    free(nodes);
    ask_waiting(resolver);
    set_timer(resolver);
    return status == ARES_SUCCESS;
}

static bool open_channel(struct resolver *resolver) {
    static char lookups[] = "b"; // the DNS, no file
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
        .timeout = RESOLVER_TIMEOUT_MS,
        .tries = RESOLVER_TRIES,
        .ndots = 1,
        .lookups = lookups,
        .ednspsz = EDNS_SIZE,
        .sock_state_cb = on_state,
        .sock_state_cb_data = resolver,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
               ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
    options.qcache_max_ttl = 0; // a lookup asks again after its TTL
    mask |= ARES_OPT_QUERY_CACHE;
#endif
#ifdef ARES_OPT_UDP_MAX_QUERIES
    options.udp_max_queries = 1; // a source port for each question
    mask |= ARES_OPT_UDP_MAX_QUERIES;
#endif
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
        return false;
    }
    if (ares_init_options(&resolver->channel, &options, mask) != ARES_SUCCESS) {
        ares_library_cleanup();
        return false;
    }
    ares_set_socket_functions(resolver->channel, &SOCKETS, NULL);
    return true;
}

struct resolver *resolver_new(struct ev_loop *loop) {
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    if (resolver == NULL) {
        return NULL;
    }
    resolver->loop = loop;
    list_init(&resolver->watches);
    list_init(&resolver->waiting);
    ev_init(&resolver->timer, on_time);
    resolver->timer.data = resolver;
    if (!open_channel(resolver)) {
        free(resolver);
        return NULL;
    }
    return resolver;
}

void resolver_free(struct resolver *resolver) {
    if (resolver == NULL) {
        return;
    }
    resolver->is_ending = true;
    ares_destroy(resolver->channel);
    ares_library_cleanup();
    while (!list_is_empty(&resolver->watches)) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): drop_watch() takes it out of the list
        drop_watch(LIST_ENTRY(resolver->watches.next, struct watch, node));
    }
    ev_timer_stop(resolver->loop, &resolver->timer);
    free(resolver);
}

const char *resolver_library_version(void) {
    return ares_version(NULL);
}
