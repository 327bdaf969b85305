// wolfssl_client PORT CA [--group NUMBER] [--suite NAME] [--again]: a client made with the proxy's
// own TLS library, for the integration tests. Asks https://localhost:PORT/ and prints the suite,
// then what came back, head and body. It offers one group when told so, which no other client can
// do with the post-quantum ones. --again asks a second time, on a new connection, and prints first
// whether the session was resumed.
#include "base/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

static const char REQUEST[] =
    "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: wolfSSL\r\nConnection: close\r\n\r\n";

static _Noreturn void fail(const char *what) {
    (void)fprintf(stderr, "wolfssl_client: %s\n", what);
    exit(1);
}

static _Noreturn void fail_with(const WOLFSSL *ssl, const char *what) {
    int error = wolfSSL_get_error((WOLFSSL *)(uintptr_t)ssl, 0);
    (void)fprintf(stderr, "wolfssl_client: %s: %s\n", what,
                  wolfSSL_ERR_reason_error_string((unsigned long)error));
    exit(1);
}

static int receive(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    ssize_t got = recv(*(int *)context, buffer, (size_t)size, 0);
    if (got > 0) {
        return (int)got;
    }
    return got == 0 ? WOLFSSL_CBIO_ERR_CONN_CLOSE : WOLFSSL_CBIO_ERR_GENERAL;
}

static int transmit(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    ssize_t sent = send(*(int *)context, buffer, (size_t)size, MSG_NOSIGNAL);
    return sent > 0 ? (int)sent : WOLFSSL_CBIO_ERR_GENERAL;
}

static void load_authority(WOLFSSL_CTX *context, const char *path) {
    static unsigned char pem[65536];
    FILE *file = fopen(path, "rb");
    size_t size = file == NULL ? 0 : fread(pem, 1, sizeof(pem), file);
    if (size == 0 || wolfSSL_CTX_load_verify_buffer(context, pem, (long)size,
                                                    WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS) {
        fail("cannot load the certificate authority");
    }
    (void)fclose(file);
}

static int connect_to(const char *port) {
    char text[32];
    const char *why;
    struct address address;
    (void)snprintf(text, sizeof(text), "127.0.0.1:%s", port);
    if (address_parse(slice_from(text), &address, &why) != RESULT_OK) {
        fail(why);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, &address.as.any, address.size) != 0) {
        fail(strerror(errno));
    }
    return fd;
}

static void print_response(WOLFSSL *ssl) {
    char data[4096];
    int size;
    while ((size = wolfSSL_read(ssl, data, sizeof(data))) > 0) {
        (void)fwrite(data, 1, (size_t)size, stdout);
    }
    // An end without close_notify would be a cut.
    if (wolfSSL_get_error(ssl, size) != WOLFSSL_ERROR_ZERO_RETURN) {
        fail_with(ssl, "the response was cut");
    }
    (void)putchar('\n');
}

// One connection, one request. The session to resume, or NULL; returns its own.
static WOLFSSL_SESSION *ask(WOLFSSL_CTX *context, const char *port, int group,
                            WOLFSSL_SESSION *former) {
    int fd = connect_to(port);
    WOLFSSL *ssl = wolfSSL_new(context);
    if (ssl == NULL) {
        fail("out of memory");
    }
    wolfSSL_SetIOReadCtx(ssl, &fd);
    wolfSSL_SetIOWriteCtx(ssl, &fd);
    if (wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, "localhost", 9) != WOLFSSL_SUCCESS ||
        wolfSSL_check_domain_name(ssl, "localhost") != WOLFSSL_SUCCESS ||
        (group != 0 && (wolfSSL_set_groups(ssl, &group, 1) != WOLFSSL_SUCCESS ||
                        wolfSSL_UseKeyShare(ssl, (word16)group) != WOLFSSL_SUCCESS)) ||
        (former != NULL && wolfSSL_set_session(ssl, former) != WOLFSSL_SUCCESS)) {
        fail_with(ssl, "cannot be set up");
    }
    if (wolfSSL_connect(ssl) != WOLFSSL_SUCCESS) {
        fail_with(ssl, "handshake");
    }
    (void)printf("%s %s %s\n", wolfSSL_get_version(ssl), wolfSSL_get_cipher_name(ssl),
                 wolfSSL_session_reused(ssl) ? "resumed" : "full");
    if (wolfSSL_write(ssl, REQUEST, sizeof(REQUEST) - 1) != sizeof(REQUEST) - 1) {
        fail_with(ssl, "write");
    }
    print_response(ssl);
    WOLFSSL_SESSION *session = wolfSSL_get1_session(ssl);
    (void)wolfSSL_shutdown(ssl);
    wolfSSL_free(ssl);
    (void)close(fd);
    return session;
}

int main(int count, char **words) {
    const char *suite = NULL;
    int group = 0;
    int again = 0;
    if (count < 3) {
        fail("usage: wolfssl_client PORT CA [--group NUMBER] [--suite NAME] [--again]");
    }
    for (int i = 3; i < count; i++) {
        if (strcmp(words[i], "--again") == 0) {
            again = 1;
        } else if (strcmp(words[i], "--group") == 0 && i + 1 < count) {
            group = (int)strtol(words[++i], NULL, 0);
        } else if (strcmp(words[i], "--suite") == 0 && i + 1 < count) {
            suite = words[++i];
        } else {
            fail("bad usage");
        }
    }
    if (wolfSSL_Init() != WOLFSSL_SUCCESS) {
        fail("the library does not start");
    }
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    if (context == NULL ||
        (suite != NULL && wolfSSL_CTX_set_cipher_list(context, suite) != WOLFSSL_SUCCESS)) {
        fail("cannot make a context");
    }
    wolfSSL_CTX_SetIORecv(context, receive);
    wolfSSL_CTX_SetIOSend(context, transmit);
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, NULL);
    load_authority(context, words[2]);
    WOLFSSL_SESSION *session = ask(context, words[1], group, NULL);
    if (again) {
        WOLFSSL_SESSION *later = ask(context, words[1], group, session);
        wolfSSL_SESSION_free(later);
    }
    wolfSSL_SESSION_free(session);
    wolfSSL_CTX_free(context);
    wolfSSL_Cleanup();
    return 0;
}
