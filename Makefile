# Ravelin. `make help` lists the targets. Everything that is made lies in build/ (and certs/dev/).
# Only relative paths: the checkout may lie in a path with spaces.
VERSION := 0.1.0
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all
MAKEFLAGS := $(MAKEFLAGS) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

# What a builder may set. Elsewhere than on Debian also, in every make: WOLFSSL_TARBALL or WOLFSSL_PREFIX, and
# HTTP_PARSER_TARBALL (see proxy/deps/).
ifeq ($(origin CC),default)
CC := gcc
endif
# aarch64-linux-gnu- for CC=aarch64-linux-gnu-gcc: what the names of the other tools begin with.
CROSS := $(filter %-,$(patsubst %gcc,%,$(CC)))
CLANG ?= clang
CFLAGS ?=
LDFLAGS ?=
WERROR ?= $(if $(filter true 1,$(CI)),1,0)
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(if $(filter /usr,$(PREFIX)),/lib,/etc)/systemd/system
PYTEST_JOBS ?= $(shell expr 2 \* $$(nproc))
FUZZ_SECONDS ?= 20
# libipsec-mb makes bulk AES-GCM faster on processors with VAES and AVX-512: used where it is to be had, unless `no`.
IPSEC_MB ?= auto
# Where the other proxies of `make bench` come from: debian (this one), trixie (below build/, for root), or both.
PEERS ?= debian
export CC WOLFSSL_TARBALL WOLFSSL_PREFIX HTTP_PARSER_TARBALL PACKAGES FUZZ_SECONDS PYTEST_JOBS IPSEC_MB PEERS

# --- Sources and flags ------------------------------------------------------------------------------------------------
SOURCES := $(wildcard proxy/*/*.c proxy/*/*/*.c)
UNIT_TESTS := $(patsubst %.c,%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst %.c,%,$(wildcard tests/fuzz/fuzz_*.c))
GATE := $(patsubst %.c,%,$(wildcard tests/gate/*.c))
DEPS := build/deps/wolfssl/finished build/deps/http-parser/finished
# The library's calls of two functions of its own go through ours: see proxy/tls/handshake/transcript.c.
LIBS = -Wl,--wrap=HashInput,--wrap=HashRaw build/deps/wolfssl/lib/libwolfssl.a \
	build/deps/http-parser/lib/libhttp_parser.a $(if $(ipsec_mb),$(IPSEC_MB_LIB)) -lev -lconfuse -lseccomp -lnghttp2 -lcares -lcrypt -lm

# $(call known,FLAGS): those flags that this compiler takes. Asked once, and only when something is compiled: on a fresh
# machine the compiler is there only after `packages` has run.
known = $(foreach flag,$1,$(shell $(CC) -O2 -Werror $(flag) -include stdlib.h -fsyntax-only -xc /dev/null 2>/dev/null \
	&& echo '$(flag)'))
fortify = -U_FORTIFY_SOURCE $(or $(call known,-D_FORTIFY_SOURCE=3),-D_FORTIFY_SOURCE=2)
# Besides the usual guards: no meaning may be lost to undefined behaviour (the sanitizer builds look for it).
harden = $(eval harden := -fPIE -fstack-protector-strong $(fortify) -fno-strict-overflow -fno-strict-aliasing \
	$(call known,-fstack-clash-protection -fcf-protection=full -mbranch-protection=standard \
		-ftrivial-auto-var-init=zero))$(harden)

# Whether there is a libipsec-mb that will do, asked like this too. It is linked statically: the build that counts copies
# sees into it, and the program takes along what it was tested with.
IPSEC_MB_LIB := -l:libIPSec_MB.a
ipsec_mb = $(eval ipsec_mb := $(filter-out no,$(if $(filter no,$(IPSEC_MB)),no,$(shell echo \
	'_Static_assert(sizeof(long) == 8 && IMB_VERSION_NUM >= IMB_VERSION(1, 3, 0), ""); int main(void) { return 0; }' | \
	$(CC) -include intel-ipsec-mb.h -xc - $(IPSEC_MB_LIB) -o /dev/null 2>/dev/null && echo yes))))$(ipsec_mb)

override CPPFLAGS += -D_GNU_SOURCE -Iproxy -isystem build/deps/wolfssl/include -isystem build/deps/http-parser/include \
	$(if $(ipsec_mb),-DRAVELIN_IPSEC_MB)
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wpointer-arith -Wundef -Wwrite-strings $(if $(filter 1,$(WERROR)),-Werror)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DRAVELIN_SANITIZE

# The variants: compiler, flags of compiler and linker.
# Compressed by a flag of the section: binutils 2.40 takes names that begin with ZLIB for a compressed section.
FLAGS_release = $(LTO_release) -gz=zlib
LTO_release = -O2 -g -flto=auto $(harden)
LINK_release = $(LTO_release) -pie -Wl,-z,relro,-z,now,-z,noexecstack
FLAGS_debug := -Og -g3
FLAGS_asan := -O1 -g $(SANITIZE)
# Counts copies: memcpy and memmove stay calls, and calls go through tests/count_copies.c.
# Its processes keep stderr, where the counter reports.
FLAGS_count := -O2 -g -fno-builtin-memcpy -fno-builtin-memmove -DRAVELIN_COUNT_COPIES
LINK_count := -Wl,--wrap=memcpy,--wrap=memmove
FLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link $(SANITIZE)
LINK_fuzz := -fsanitize=fuzzer,address,undefined
CC_fuzz := $(CLANG)

# No file that is built says where, or when, it was built: tests/reproducible builds it twice.
PLACELESS := '-ffile-prefix-map=$(CURDIR)=.'

# $(eval $(call variant,NAME,PROGRAM,SOURCES OF THE PROGRAM)): compile, archive (for tests), link.
define variant
build/$1/%.o: %.c build/$1/flags $(DEPS)
	@mkdir -p "$$(@D)"
	@echo "  CC    $$@"
	$(Q)$$(or $$(CC_$1),$$(CC)) $$(CPPFLAGS) -std=gnu11 $$(WARNINGS) $$(FLAGS_$1) $$(CFLAGS) $$(DEFINE) $$(PLACELESS) -MMD -MP -c $$< -o $$@
build/$1/libproxy.a: $(SOURCES:%.c=build/$1/%.o)
	@rm -f $$@
	$(Q)$(CROSS)gcc-ar rcs $$@ $$^
$2: $(patsubst %.c,build/$1/%.o,$(SOURCES) $3)
	@echo "  LINK  $$@"
	$(Q)$$(or $$(CC_$1),$$(CC)) $$(or $$(LINK_$1),$$(FLAGS_$1)) $$(CFLAGS) $$(LDFLAGS) $$(PLACELESS) $$^ $$(LIBS) -o $$@
build/$1/tests/%: build/$1/tests/%.o build/$1/libproxy.a
	@echo "  LINK  $$@"
	$(Q)$$(or $$(CC_$1),$$(CC)) $$(or $$(LINK_$1),$$(FLAGS_$1)) $$(CFLAGS) $$(LDFLAGS) \
		-Wl,--start-group $$^ $$(LIBS) -Wl,--end-group $$(if $$(findstring /unit/,$$@),-lcmocka) -o $$@
build/$1/flags: FORCE | packages-build
	@mkdir -p build/$1
	@proxy/deps/note $$@ '$$(or $$(CC_$1),$$(CC)) $$(CPPFLAGS) $$(WARNINGS) $$(FLAGS_$1) $$(CFLAGS)'
build/$1/proxy/main.o: build/version
build/$1/proxy/monitor/page.o: proxy/monitor/page.html
build/$1/proxy/main.o: private DEFINE = -DRAVELIN_VERSION='"$$(shell cat build/version)"'
$(UNIT_TESTS:%=build/$1/%.o) build/$1/tests/wolfssl_client.o: | packages-test
$(FUZZERS:%=build/$1/%.o): | packages-fuzz
$(GATE:%=build/$1/%.o): | packages-gate
-include $(patsubst %.c,build/$1/%.d,$(SOURCES) $3) \
	$(patsubst %,build/$1/%.d,$(UNIT_TESTS) $(FUZZERS) $(GATE) tests/wolfssl_client)
endef
Q := $(if $(V),,@)
$(eval $(call variant,release,build/ravelin,proxy/main.c))
$(eval $(call variant,debug,build/debug/ravelin,proxy/main.c))
$(eval $(call variant,asan,build/asan/ravelin,proxy/main.c))
$(eval $(call variant,count,build/count/ravelin,proxy/main.c tests/count_copies.c))
$(eval $(call variant,fuzz,build/fuzz/ravelin,proxy/main.c))
build/fuzz/flags: | packages-fuzz

# The load client of the bench suite.
BENCH_CLIENT := $(patsubst %.c,build/release/%.o,$(wildcard bench/client/*.c))
build/bench-client: $(BENCH_CLIENT)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LINK_release) $(CFLAGS) $(LDFLAGS) $^ build/deps/wolfssl/lib/libwolfssl.a \
		build/deps/http-parser/lib/libhttp_parser.a -lm -o $@
-include $(BENCH_CLIENT:.o=.d)

# The commit of the checkout; in a release tarball, git has written it into proxy/deps/commit.
build/version: FORCE
	@mkdir -p build
	@commit=$$(GIT_CEILING_DIRECTORIES="$${PWD%/*}" git -c safe.directory='*' rev-parse HEAD 2>/dev/null || \
		grep -x '[0-9a-f]*' proxy/deps/commit); \
	proxy/deps/note $@ "$(VERSION)$${commit:+ ($${commit:0:12})}"

# --- Set-up: packages, then the two libraries; each looks for itself whether there is anything to do ------------------
.PHONY: FORCE deps
FORCE:
packages-%: FORCE
	@proxy/deps/packages $*
packages-run packages-test packages-bench packages-fuzz packages-lint packages-gate packages-deb: packages-build
build/deps/%/finished: FORCE | packages-build
	@proxy/deps/$*
deps: $(DEPS) ## the two libraries that are built from source
certs: packages-run
	@certs/make-dev-certs

# --- Targets ----------------------------------------------------------------------------------------------------------
.PHONY: all debug run test test-unit test-integration asan soak gate gate-update bench bench-quick fuzz lint format install install-debug dist deb \
	clean help certs
all: build/ravelin ## release build in build/ravelin; installs missing packages and libraries first
debug: build/debug/ravelin ## debug build in build/debug/ravelin

run: all certs packages-run ## serve https://localhost:8443/ with a development certificate and a demo backend
	@echo; echo "Try:  curl --cacert certs/dev/ca.pem https://localhost:8443/"; echo "Stop: Ctrl-C"; echo
	@exec conf/demo/start build/ravelin run -c conf/ravelin.conf

UNIT = $(UNIT_TESTS:%=build/$1/%)
COUNT := $(patsubst tests/count_copies.c,build/count/ravelin,$(wildcard tests/count_copies.c))
CLIENT := build/debug/tests/wolfssl_client
test: all build/install/ravelin certs $(call UNIT,debug) $(COUNT) $(CLIENT) build/bench-client packages-test ## run all tests; the last line is the sum
	@tests/run unit build/debug/tests/unit integration build/ravelin
test-unit: $(call UNIT,debug) packages-test ## run the unit tests only
	@tests/run unit build/debug/tests/unit
test-integration: all build/install/ravelin certs $(COUNT) $(CLIENT) build/bench-client packages-test ## run the integration tests only
	@tests/run integration build/ravelin
asan: build/asan/ravelin $(call UNIT,asan) $(CLIENT) build/bench-client certs packages-test ## run all tests with AddressSanitizer and UBSan
	@tests/run unit build/asan/tests/unit integration build/asan/ravelin
soak: all packages-test ## run the chaos test for ten minutes: servers fail in every way under load
	@RAVELIN='$(CURDIR)/build/ravelin' RAVELIN_CHAOS_SECONDS=600 /usr/bin/python3 -m pytest -q tests/integration/test_chaos.py
fuzz: $(FUZZERS:%=build/fuzz/%) ## run every fuzzer for FUZZ_SECONDS (20)
	@tests/run fuzz build/fuzz/tests/fuzz
gate: $(GATE:%=build/release/%) certs packages-gate ## count the instructions of fixed work and compare them with tests/gate/baseline.json
	@CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' tests/gate/run
gate-update: $(GATE:%=build/release/%) certs packages-gate ## write tests/gate/baseline.json again
	@CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' tests/gate/run --update
bench: all build/bench-client packages-bench ## compare with other proxies (25 minutes at most; PEERS=trixie: newer ones)
	@bench/run
bench-quick: all build/bench-client packages-bench ## compare with other proxies in under 3 minutes, less exactly
	@bench/run --quick
lint: $(DEPS) packages-lint packages-test packages-gate ## check format, include directions and texts; run cppcheck, clang-tidy, shellcheck
	@CPPFLAGS='$(CPPFLAGS) -DRAVELIN_VERSION=""' proxy/lint/all
format: packages-lint ## run clang-format on every C file
	@find proxy tests bench -name '*.[ch]' -print0 | xargs -0 clang-format -i

# What is installed: the program without its debug information, which is in a file of its own.
build/install/ravelin: build/ravelin conf/package/split-debug
	$(Q)READELF=$(CROSS)readelf OBJCOPY=$(CROSS)objcopy conf/package/split-debug build/ravelin build/install

# The manual pages come from the program's own help. A program for another processor cannot run here.
.PHONY: man
man: build/install/ravelin
	$(if $(CROSS),,@conf/package/man-pages build/install/ravelin build/install $(VERSION))

FILL = sed 's|@PREFIX@|$(PREFIX)|; s|@SYSCONFDIR@|$(SYSCONFDIR)|'
MAN = $(DESTDIR)$(PREFIX)/share/man
install: build/install/ravelin man ## install program, manual, pages, example configuration and systemd unit below DESTDIR and PREFIX (/usr/local)
	install -D -m 755 build/install/ravelin "$(DESTDIR)$(PREFIX)/bin/ravelin"
	$(if $(CROSS),,install -D -m 644 build/install/ravelin.8 "$(MAN)/man8/ravelin.8")
	$(if $(CROSS),,install -D -m 644 build/install/ravelin.conf.5 "$(MAN)/man5/ravelin.conf.5")
	install -D -m 644 conf/package/completion.bash "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/ravelin"
	install -D -m 644 conf/package/ravelin.conf "$(DESTDIR)$(SYSCONFDIR)/ravelin/ravelin.conf.example"
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/ravelin" conf/monitoring/alerts.yml conf/monitoring/grafana.json
	conf/package/install-pages "$(DESTDIR)$(PREFIX)/share/doc/ravelin"
	install -d "$(DESTDIR)$(UNITDIR)" "$(DESTDIR)$(SYSCONFDIR)/logrotate.d"
	$(FILL) conf/package/logrotate >"$(DESTDIR)$(SYSCONFDIR)/logrotate.d/ravelin"
	$(FILL) conf/ravelin.service >"$(DESTDIR)$(UNITDIR)/ravelin.service"
	$(if $(DESTDIR),,conf/package/set-up "$(SYSCONFDIR)/ravelin")
install-debug: build/install/ravelin ## install the debug information of the program where gdb finds it
	install -D -m 644 build/install/ravelin.debug "$(DESTDIR)$(PREFIX)/bin/.debug/ravelin.debug"
dist: ## make the release tarball of this commit, build/ravelin-VERSION.tar.gz
	@conf/package/dist $(VERSION)
deb: packages-deb ## make packages for this Debian release in build/deb/
	@conf/package/deb $(VERSION)
clean: ## remove compiled files, but not the libraries in build/deps
	@[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile
	@echo "  tests/fresh RELEASE    the README's commands on a minimal Debian, bookworm or trixie (root; half an hour or more)"
	@echo "  tests/package RELEASE  make deb, and the packages installed, used, upgraded and purged (root; 15 minutes)"
	@echo "  tests/container        the container image, built with buildah and run with podman (root; 15 minutes)"
	@echo "  tests/arm64            cross compiled, on a minimal Debian, with qemu-user (root; 15 minutes)"
	@echo "  tests/reproducible     two builds in two folders on two days are the same (10 minutes)"
