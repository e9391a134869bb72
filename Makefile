# xrun: runs 32-bit x86 Linux programs on x86-64 and AArch64 hosts.  `make help` lists the targets.

HOST  ?= $(shell uname -m)
MODE  ?= release
BUILD ?= build
CACHES := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
CACHE ?= $(if $(word 2,$(CACHES)),$(BUILD)/cache,$(CACHES)/xrun)# make cannot cope with blanks in names
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1

O := $(BUILD)/$(HOST)-$(MODE)

ifeq ($(HOST),$(shell uname -m))
CC ?= gcc
AR ?= ar
RUN :=
else
CC := $(HOST)-linux-gnu-gcc
AR := $(HOST)-linux-gnu-ar
RUN := qemu-$(HOST)
endif
GUEST_CC ?= i686-linux-gnu-gcc

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wwrite-strings
ifeq ($(CI),true)
WARN += -Werror
endif
CFLAGS_release := -O2 -g1
CFLAGS_debug   := -O1 -g3 -DXRUN_DEBUG -DXRUN_NO_TAILCALL
# guest memory is not aligned as C wants it and begins at address 0
CFLAGS_asan    := -O1 -g -DXRUN_ASAN -DXRUN_NO_TAILCALL -fsanitize=address,undefined -fno-sanitize=alignment,null,nonnull-attribute -fno-omit-frame-pointer
CFLAGS_ubsan   := -O1 -g -DXRUN_NO_TAILCALL -fsanitize=undefined -fno-sanitize=alignment,null,nonnull-attribute
CFLAGS_tsan    := -O1 -g -DXRUN_NO_TAILCALL -DXRUN_TSAN -fsanitize=thread -Wno-tsan
CFLAGS_small   := -O2 -g1 -DXRUN_SMALL_LIMITS
ifeq ($(CFLAGS_$(MODE)),)
$(error MODE=$(MODE) is none of release debug asan ubsan tsan small)
endif
CFLAGS  ?=
ALL_CFLAGS := -std=gnu11 -fPIE -fdata-sections -pthread -fno-strict-aliasing -fwrapv $(WARN) $(CFLAGS_$(MODE)) $(CFLAGS) \
	-I. -idirafter /usr/include -D_GNU_SOURCE -DXRUN_VERSION='"$(VERSION)"' -MMD -MP
# Hosts whose memory is as x86's: total store order, locked operations at any alignment.
HOST_TSO := $(if $(filter x86_64,$(HOST)),1,0)
ALL_CFLAGS += -DXRUN_HOST_TSO=$(HOST_TSO)
SAN := $(filter -fsanitize%,$(CFLAGS_$(MODE)))

# Static libraries from `make deps`: then xrun is a static-pie that runs in any chroot. Without
# them (or with a sanitizer) it is an ordinary PIE.
STATIC_LIBS := $(wildcard $(CACHE)/$(HOST)/libZydis.a)
ifneq ($(STATIC_LIBS),)
ALL_CFLAGS += -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD
# which newer libelfs want
ZSTD := $(wildcard $(CACHE)/$(HOST)/libzstd.a /usr/lib/$(HOST)-linux-gnu/libzstd.a)
LIBS := $(STATIC_LIBS) -L$(CACHE)/$(HOST) -lelf -lz $(if $(ZSTD),-lzstd) -lm
comma := ,
LINK := $(if $(SAN),-pie,-static-pie -Wl,-e,xrun_start -Wl,--sort-section=alignment $(if $(filter x86_64,$(HOST)),-Wl$(comma)-z$(comma)pack-relative-relocs))
else
LIBS := -lZydis -lelf -lm
LINK := -pie
endif

# for what runs while xrun is built
BUILD_CC ?= gcc

PARTS := core decode interp elfload translate regalloc syscalls abi runtime
SRCS := $(foreach p,$(PARTS),$(wildcard $(p)/*.c))
ifeq ($(HOST),x86_64)
SRCS += $(wildcard translate/x86_64/*.c runtime/x86_64/*.c)
ASMS := $(wildcard runtime/x86_64/*.S translate/x86_64/*.S)
else
SRCS += $(wildcard translate/aarch64/*.c runtime/aarch64/*.c)
ASMS := $(wildcard runtime/aarch64/*.S translate/aarch64/*.S)
endif
OBJS := $(SRCS:%.c=$(O)/%.o) $(ASMS:%.S=$(O)/%.o)
LIB := $(O)/libxrun.a

# V=1 shows the commands, make -s nothing
Q := $(if $(V),,@)
SILENT := $(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS))))
say = $(if $(V)$(SILENT),,@echo '  $(1) $(2)')

.PHONY: all
all: $(O)/xrun ## build xrun (HOST=x86_64|aarch64, MODE=release|debug|asan|ubsan|tsan|small, V=1)

.PHONY: tools
tools:
	@printf '#include <Zydis/Zydis.h>\n#include <libelf.h>\n#include <uthash.h>\n' | \
	$(CC) -idirafter /usr/include -E - >/dev/null 2>&1 || { \
	    echo "$(CC), Zydis, libelf or uthash is missing; make $(if $(RUN),deps,demo) installs them (Debian)"; \
	    exit 1; } >&2
$(OBJS) $(O)/main.o $(BUILD)/quick/gen $(BUILD)/libcstart: | tools

# The C library's start, quicker (see tools/libcstart.c): where it is linked statically.
# It is made whenever xrun is linked, since it has to be of that libc.a.
START :=
ifneq ($(and $(STATIC_LIBS),$(filter x86_64,$(HOST))),)
ifeq ($(SAN),)
START := $(O)/libc-start.o
$(O)/xrun: $(BUILD)/libcstart
$(BUILD)/libcstart: tools/libcstart.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(BUILD_CC) -O1 -o $@ $< -lelf
endif
endif

$(O)/xrun: $(O)/main.o $(LIB)
	$(call say,LD,$@)
ifneq ($(START),)
	$(Q)$(AR) p $(shell $(CC) -print-file-name=libc.a) libc-start.o >$(START).in
	$(Q)$(BUILD)/libcstart $(START).in $(START)
endif
	$(Q)$(CC) $(LINK) -pthread $(SAN) -o $@ $(O)/main.o $(START) $(LIB) $(LIBS)

$(LIB): $(OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

# The table of quick decoding is made by a program that runs here, whatever the host.
BUILD_LIBS := $(wildcard $(CACHE)/$(shell uname -m)/libZydis.a)
QUICK_SRC := decode/gen/quick.c decode/decode.c
$(BUILD)/quick/gen: $(QUICK_SRC) decode/quick.h decode/decode.h decode/insn.h decode/ops.def decode/mnemonics.def
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(BUILD_CC) -std=gnu11 -O1 -fno-strict-aliasing -fwrapv -I. -D_GNU_SOURCE -DXRUN_HOST_TSO=1 \
		$(if $(BUILD_LIBS),-DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD) \
		-o $@ $(QUICK_SRC) $(or $(BUILD_LIBS),-lZydis) -pthread
$(BUILD)/quick/quick_table.h: $(BUILD)/quick/gen
	$(Q)$< >$@.tmp
	$(Q)mv $@.tmp $@
$(O)/decode/quick.o: $(BUILD)/quick/quick_table.h
$(O)/decode/quick.o: ALL_CFLAGS += -I$(BUILD)/quick

$(O)/%.o: %.S
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

# Unit tests: each tests/unit/NAME.c is a program linked with everything but main.o.
# a64x87 tests routines that only an AArch64 xrun has.
UNIT := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(filter-out \
	$(if $(filter x86_64,$(HOST)),tests/unit/a64x87.c),$(wildcard tests/unit/*.c)))
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) -pthread $(SAN) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)
# The AArch64 encoder is tested on both hosts.
$(O)/tests/unit/a64: $(O)/translate/aarch64/emit.o
.PHONY: unit
unit: $(UNIT) $(O)/tests/golden/golden ## build the unit tests

.PHONY: deps
deps: ## install the packages that building and testing need (Debian), build a static Zydis
	tests/setup/deps.sh $(CACHE) test

.PHONY: lint
lint: ## layering and naming rules
	tests/lint/layers.sh

SHARE = $(DESTDIR)$(PREFIX)/share
.PHONY: install
install: all ## install into $(DESTDIR)$(PREFIX)
	install -D -m 755 $(O)/xrun $(DESTDIR)$(PREFIX)/bin/xrun
	install -D -m 755 tools/xrun-root $(DESTDIR)$(PREFIX)/bin/xrun-root
	install -D -m 644 docs/xrun.1 $(SHARE)/man/man1/xrun.1
	install -D -m 644 docs/xrun-root.1 $(SHARE)/man/man1/xrun-root.1
	install -D -m 644 tools/xrun.bash-completion $(SHARE)/bash-completion/completions/xrun
	install -D -m 644 README.md $(SHARE)/doc/xrun/README.md
	$(RUN) $(O)/xrun --binfmt print | sed 's#:/[^:]*:POF$$#:$(PREFIX)/bin/xrun:POF#' | \
	install -D -m 644 /dev/stdin $(SHARE)/xrun/xrun-i386.conf

.PHONY: deb
deb: ## a Debian package of xrun in build/
	tools/deb.sh $(BUILD) $(HOST) $(VERSION)

.PHONY: clean
clean: ## remove build/
	rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

.SECONDARY:
-include $(OBJS:.o=.d) $(O)/main.d $(O)/translate/aarch64/emit.d $(UNIT:%=%.d)
-include tests/tests.mk
