# make run | test | check | bench | lint | fmt | fuzz | fakes | docs | install | help

BUILD   ?= build
SANITIZE ?=
CC      ?= gcc
VERSION := 0.1.0
PREFIX  ?= /usr/local

LIBS     := libwebsockets libuv jansson jose libcrypto
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wvla -Wformat=2 -Wno-format-truncation -Werror
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
CFLAGS   ?= -O2 -g
COMMON   := -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' $(WARNINGS) -MMD -MP
INCLUDE  := -Iserver -I. $(shell pkg-config --cflags $(LIBS) http_parser 2>/dev/null)
LDLIBS   := $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lhttp_parser -lm

# O: where this kind of build goes. SANITIZE=1 builds everything with ASan and UBSan beside it.
ifeq ($(SANITIZE),1)
O      := $(BUILD)/sanitize
FLAGS  := $(COMMON) $(CFLAGS) -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
          -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
else
O      := $(BUILD)/release
FLAGS  := $(COMMON) $(CFLAGS) $(HARDEN) -D_FORTIFY_SOURCE=2
LDFLAGS += -pie -Wl,-z,relro,-z,now
endif

SERVER_SRC := $(filter-out server/main.c,$(wildcard server/*/*.c))
SERVER_OBJ := $(SERVER_SRC:%.c=$O/%.o) $O/web/assets.o
AGENT_SRC  := $(wildcard agent/*.c)
AGENT_OBJ  := $(filter-out $O/agent/main.o,$(AGENT_SRC:%.c=$O/%.o))
UNIT_SRC   := $(wildcard tests/unit/test_*.c)
UNIT       := $(UNIT_SRC:tests/unit/%.c=$O/unit/%)
SIM        := $(wildcard tests/fakes/sim_*.c)
UNIT_HELP  := $(filter-out tests/unit/test_% tests/unit/agent_%,$(wildcard tests/unit/*.c))
UNIT_HELP_OBJ := $(UNIT_HELP:%.c=$O/%.o) $(SIM:%.c=$O/%.o)
FAKE_ENGINE := $O/fakes/engine
FUZZ_SRC   := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ       := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)
REPLAY     := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$O/replay/%)
FUZZ_SECONDS ?= 60

SERVER := $O/sandbox-api
AGENT  := $(BUILD)/sandbox-agent

.PHONY: all fakes run test check bench lint fmt fuzz docs install clean help
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F': .*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

all: $(SERVER) $(AGENT) ## build the two programs

fakes: $(FAKE_ENGINE) ## build the fake engine, for tests and benchmarks

run: ## install what is missing, start an Engine if needed, build, serve on $PORT (3001)
	@scripts/setup run
	@scripts/with-engine scripts/run

test: ## every test, against a real Engine and real runsc
	@scripts/setup test
	@scripts/with-engine tests/run

check: $(UNIT) $(REPLAY) ## the tests that need no Engine: unit tests and the fuzzers' corpus
	@tests/run-check $O

bench: ## speed and cost, each beside the least that it can be here
	@scripts/setup test
	@scripts/with-engine bench/run

lint: ## include directions, function length, clang-tidy, shellcheck
	@tests/lint

fmt: ## format the C sources
	clang-format -i $$(git ls-files '*.[ch]')

fuzz: $(FUZZ) ## run every fuzz target for FUZZ_SECONDS (60)
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ)

docs: ## write the tables of settings into the documentation
	@scripts/write-docs

install: all ## copy the programs to $PREFIX (/usr/local)
	install -D -m 755 $(SERVER) $(DESTDIR)$(PREFIX)/bin/sandbox-api
	install -D -m 755 $(AGENT) $(DESTDIR)$(PREFIX)/lib/sandbox-api/sandbox-agent
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/lib/sandbox-api scripts/reap-leaks
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/sandbox-api scripts/lib.sh
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 docs/sandbox-api.8

clean: ## remove what was built (images and the private Engine stay)
	rm -rf $(BUILD)

# --- sandbox-api ---

$(SERVER): $O/server/main.o $(SERVER_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$O/server/%.o: server/%.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(INCLUDE) -c -o $@ $<

# The page travels inside the program: no file is read while serving.
$O/web/assets.o: web/assets.S $(BUILD)/web/terminal.js
	@mkdir -p $(@D)
	$(CC) -MMD -MP -I$(BUILD)/web -c -o $@ $<

WEB_SRC := $(filter-out web/assets.S,$(wildcard web/*)) scripts/build-web package-lock.json

$(BUILD)/web/terminal.js: $(WEB_SRC) | node_modules
	scripts/build-web $(BUILD)/web

node_modules: package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# --- sandbox-agent: static and small, so that it runs in any image ---

$(AGENT): $(AGENT_SRC) $(wildcard agent/*.h)
	@mkdir -p $(@D)
	musl-gcc $(filter-out -MMD -MP,$(COMMON)) -Os -static -s -fno-asynchronous-unwind-tables \
		-ffunction-sections -fdata-sections -Wl,--gc-sections -I. -o $@ $(AGENT_SRC)

# Preloaded into the programs of a sandbox; see there.
$(BUILD)/sandbox-compat.so: docker/base/compat.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD -MP,$(COMMON)) -Os -s -shared -fPIC -nostdlib -Wl,-z,noseparate-code -o $@ $<

$O/agent/%.o: agent/%.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -I. -c -o $@ $<

$O/sandbox-agent: $O/agent/main.o $(AGENT_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^

# --- documentation: the table of settings, written by the code that reads them ---

$O/docs/settings: docs/settings.c $(filter $O/server/config/% $O/server/base/%,$(SERVER_OBJ))
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(INCLUDE) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# --- benchmarks: the load generator takes from the server how the Engine is spoken to ---

BENCH_SRC   := $(wildcard bench/*.c)
BENCH_OBJ   := $(BENCH_SRC:%.c=$O/%.o)
BENCH_PURE  := $(filter %/stats.o %_frames.o %/report.o,$(BENCH_OBJ))
BENCH_TAKES := $(filter $O/server/engine/% $O/server/base/% %/environment.o,$(SERVER_OBJ))

$O/bench/load: $(BENCH_OBJ) $(BENCH_TAKES)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $$(pkg-config --libs libcurl)

$O/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(INCLUDE) $$(pkg-config --cflags libcurl) -c -o $@ $<

# --- tests ---

$O/unit/test_bench: tests/unit/test_bench.c $(BENCH_PURE)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -I. $(LDFLAGS) -o $@ $< $(BENCH_PURE) -lm $$(pkg-config --cflags --libs check)

$O/unit/test_agent%: tests/unit/test_agent%.c $(AGENT_OBJ) $O/sandbox-agent
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -I. -DAGENT_PATH='"$(abspath $O/sandbox-agent)"' $(LDFLAGS) -o $@ $< $(AGENT_OBJ) \
		$$(pkg-config --cflags --libs check)

# An archive, so that a test is linked with those helpers only that it uses.
$O/unit/helpers.a: $(UNIT_HELP_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$O/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(INCLUDE) -c -o $@ $<

$(FAKE_ENGINE): $(patsubst %.c,$O/%.o,$(wildcard tests/fakes/*.c)) $O/server/base/fifo.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libuv jansson) -lhttp_parser

$O/unit/%: tests/unit/%.c $O/unit/helpers.a $(SERVER_OBJ)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(INCLUDE) $(LDFLAGS) -o $@ $< $O/unit/helpers.a $(SERVER_OBJ) $(LDLIBS) \
		$$(pkg-config --cflags --libs check)

# A fuzz target is linked twice: with libFuzzer to search, with replay.c to run its corpus in every test run.
$O/replay/agent%: tests/fuzz/fuzz_agent%.c tests/fuzz/replay.c $(AGENT_OBJ)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -I. $(LDFLAGS) -o $@ tests/fuzz/fuzz_agent$*.c tests/fuzz/replay.c $(AGENT_OBJ)

$O/replay/%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(SERVER_OBJ)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(INCLUDE) $(LDFLAGS) -o $@ $< tests/fuzz/replay.c $(SERVER_OBJ) $(LDLIBS)

FUZZ_FLAGS := $(filter-out -MMD -MP -Wno-format-truncation,$(COMMON)) -O1 -g -fsanitize=fuzzer,address,undefined \
              -fno-sanitize-recover=all -Wno-error

$(BUILD)/fuzz/fuzz_agent%: tests/fuzz/fuzz_agent%.c $(AGENT_SRC)
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -I. -o $@ $< $(filter-out agent/main.c,$(AGENT_SRC))

$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(SERVER_SRC) $O/web/assets.o
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) $(INCLUDE) -o $@ $< $(SERVER_SRC) $O/web/assets.o $(LDLIBS)

-include $(shell find $O -type f -name '*.d' 2>/dev/null)
