# Lontar. Adding a file changes nothing here; adding a layer changes src/LAYERS; a program
# that links more than libc and our own layers gets a LIBS_ line.
#
#   make          every program, in build/bin
#   make run      the story, on loopback, below build/run
#   make test     unit and system tests      (SAN=1: with sanitizers;
#                 LONTAR_PICKUP_CUTS=1000: all cuts of a pickup, not a sample;
#                 LONTAR_LONG_WAITS=1, LONTAR_SLOW_LINE=300: minutes of waiting)
#   make lint     what a machine can say about the source
#   make fuzz     build the fuzzers (clang), run each for FUZZ_SECONDS
#   make bench    us beside the peers, into docs/benchmarks.md (root; BENCH="flush accept",
#                 BENCH_QUICK=1)
#   make install  DESTDIR= PREFIX=

PREFIX ?= /usr/local

STD  := -std=c17 -D_GNU_SOURCE -Isrc
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings \
        -Wformat=2 -Wvla -Wundef -Wduplicated-cond -Wlogical-op
ifdef SAN
HARD := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
        -fno-sanitize-recover=all
LINK := -fsanitize=address,undefined
else
HARD := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
        -fstack-clash-protection -fPIE
LINK := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
endif

LAYERS   := $(shell sed -n 's/^\([a-z0-9]*\):.*/\1/p' src/LAYERS)
PROGRAMS := $(notdir $(wildcard src/programs/*))
B        := build/$(if $(SAN),san,release)
BIN      := $(if $(SAN),build/san/bin,build/bin)

# What the layers themselves need; --as-needed drops what a program does not use.
LIBS := -lcurl -lcares -lssl -lcrypto -lcdb -lcrypt -lev -lseccomp -lcap -ljansson -lz -lm
LIBS_lontar-checkpw := -lpam
LIBS_lontar-web     := -lmicrohttpd

objects  = $(patsubst %.c,$B/%.o,$(wildcard src/$(1)/*.c))
reversed = $(if $(1),$(call reversed,$(wordlist 2,99,$(1))) $(firstword $(1)))
ARCHIVES := $(patsubst %,$B/lib%.a,$(call reversed,$(LAYERS)))
TESTS    := $(patsubst %.c,$B/%,$(wildcard tests/unit/*/*_test.c tests/unit/programs/*/*_test.c))
HELPERS  := build/helpers/linkem build/helpers/smtpload build/helpers/sink

all: $(PROGRAMS:%=$(BIN)/%) links

define library
$B/lib$(1).a: $(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call library,$l)))

# A program is its main.o and an archive of the rest, which its unit tests link too.
define program
$B/lib-$(1).a: $(filter-out %/main.o,$(call objects,programs/$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
$(BIN)/$(1): $B/src/programs/$(1)/main.o $B/lib-$(1).a $(ARCHIVES)
	@mkdir -p $$(@D)
	$(CC) $(LINK) -o $$@ $$^ $(LIBS) $(LIBS_$(1))
$B/tests/unit/programs/$(1)/%: $B/tests/unit/programs/$(1)/%.o $B/lib-$(1).a $(ARCHIVES)
	$(CC) $(LINK) -o $$@ $$^ -lcmocka $(LIBS) $(LIBS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$p)))

# One program under the other names that people know.
links: $(PROGRAMS:%=$(BIN)/%)
	@[ ! -e $(BIN)/sendmail ] || ln -sf sendmail $(BIN)/mailq
	@[ ! -e $(BIN)/sendmail ] || ln -sf sendmail $(BIN)/newaliases
	@[ ! -e $(BIN)/sendmail ] || ln -sf sendmail $(BIN)/qmail-inject

$B/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) $(HARD) $(CFLAGS) -MMD -MP -c -o $@ $<

$B/tests/%: $B/tests/%.o $(ARCHIVES)
	$(CC) $(LINK) -o $@ $^ -lcmocka $(LIBS)

build/helpers/%: tests/%/main.c
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) -O2 -g -o $@ $<

# A clock that shows an earlier time than this is wrong (base/clock.c). The same source
# makes the same program: it is the time of the source, not of the build.
BUILD_TIME := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),\
	$(shell find src -type f -printf '%T@\n' | sort -n | sed -n '$$s/\..*//p'))
$B/src/base/clock.o: STD += -DBUILD_TIME=INT64_C\($(strip $(BUILD_TIME))\)

# The shipped table of replies is part of the library.
$B/src/verdict/shipped.o: src/verdict/shipped.rules

# The samples are part of the program.
$B/src/programs/lontar/samples.o: $(shell find control -type f)

test: all $(TESTS) $(HELPERS)
	@set -e; for t in $(TESTS); do $$t; done
	LONTAR_BIN=$(BIN) /usr/bin/python3 -m pytest -q tests/system

run: all
	scripts/story $(BIN)

lint:
	scripts/lint

fuzz:
	scripts/fuzz

bench: all $(HELPERS)
	/usr/bin/python3 tests/bench/bench.py $(BENCH)

install: all
	scripts/install "$(BIN)" "$(DESTDIR)" "$(PREFIX)"

clean:
	rm -rf build

.PHONY: all links test run lint fuzz bench install clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(wildcard $B/src/*/*.d $B/src/programs/*/*.d $B/tests/unit/*/*.d \
           $B/tests/unit/programs/*/*.d)
