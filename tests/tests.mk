# Tests and benchmarks; included by the Makefile.

W := $(BUILD)/tests
X86 := $(BUILD)/x86_64-release/xrun
ARM := $(BUILD)/aarch64-release/xrun
QEMU_ARM := qemu-aarch64
ARM_RUN := $(QEMU_ARM) $(ARM) --exec-via=$(shell command -v $(QEMU_ARM) || echo /usr/bin/$(QEMU_ARM))

.PHONY: both
both: ## build release xruns for both hosts
	$(MAKE) --no-print-directory HOST=x86_64 all unit
	$(MAKE) --no-print-directory HOST=aarch64 all unit

.PHONY: check
check: ## all tests, both hosts (AArch64 under qemu-aarch64); V=1: with all that they print; CHECK_PARTS=REGEX: only such parts
	@tests/setup/retry.sh tests/setup/deps.sh $(CACHE) test
	@$(MAKE) -s -j$(shell nproc) both
	@tests/check.sh $(BUILD) $(CACHE)

.PHONY: check-long
check-long: deps both ## the guest and app tests with small limits and with code forgotten at random, all gcc torture tests, Python's tests, stress-ng, tests of the C library, of POSIX, of the kernel and of strace, Go, binfmt_misc in a system
	$(BUILD)/x86_64-release/tests/unit/elfload --fuzz 20000 $(shell date +%j)
	$(QEMU_ARM) $(BUILD)/aarch64-release/tests/unit/elfload --all
	$(MAKE) --no-print-directory insn-build
	tests/guest/cpus.sh $(W)/cpus $(INSN) $(W)/insn-private 8 $(ARM_RUN)
	tests/guest/run.sh $(W)/coarse "coarse=$(X86) --host-page=16384"
	tests/setup/torture.sh $(CACHE)
	tests/torture/run.sh $(CACHE)/torture $(W)/torture $(X86) "$(ARM_RUN)"
	tests/setup/root.sh $(CACHE)
	LIMIT=3600 TESTS=python tests/app/run.sh $(CACHE)/root/i386 x86_64=$(X86)
	$(MAKE) --no-print-directory MODE=small all
	XRUN_STORE=off tests/guest/run.sh $(W)/guest-small small=$(BUILD)/x86_64-small/xrun
	XRUN_STORE=off LIMIT=3600 tests/app/run.sh $(CACHE)/root/i386 small=$(BUILD)/x86_64-small/xrun
	XRUN_STORE=off XRUN_HOT=2 XRUN_STRESS_FLUSH=200 LIMIT=3600 tests/app/run.sh $(CACHE)/root/i386 disturbed=$(X86)
	tests/setup/stress.sh $(CACHE) stress-ng
	tests/stress/stress-ng.sh $(CACHE)/root/stress $(W)/stress-long x86_64=$(X86)
	tests/setup/ltp.sh $(CACHE)
	tests/ltp/run.sh $(CACHE)/ltp $(CACHE)/root/stress $(W)/ltp x86_64=$(X86)
	PROBE_STEP=1 PROBE_RANDOM=60 tests/probe/run.sh $(W)/probe $(X86)
	tests/setup/strace.sh $(CACHE)
	tests/strace/run.sh $(CACHE)/strace $(W)/strace-tests x86_64=$(X86)
	tests/go/run.sh $(W)/go x86_64=$(X86) "aarch64=$(ARM_RUN)"
	tests/binfmt/system.sh $(CACHE) $(CACHE)/root/stress $(ARM) $(W)/binfmt-system
	tests/binfmt/system.sh $(CACHE) $(CACHE)/root/stress $(ARM) $(W)/binfmt-system 16k
	tests/setup/stress.sh $(CACHE) glibc
	tests/stress/glibc.sh $(CACHE)/glibc $(CACHE)/root/stress $(W)/glibc x86_64=$(X86) aarch64=$(ARM)

.PHONY: status
status: all ## docs/STATUS.md: what is supported, from the tables that say so
	tests/status.py $(O)/xrun

.PHONY: demo
demo: ## install what is missing, build xrun, run a real 32-bit program (GNU hello) with it
	@tests/setup/deps.sh $(CACHE) build
	@$(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc)) all
	@tests/setup/hello.sh $(CACHE)
	$(O)/xrun --sysroot $(CACHE)/hello $(CACHE)/hello/usr/bin/hello

.PHONY: bench
bench: all ## xrun against native and qemu-i386 (QEMU=PROGRAM; Debian trixie's if it can be fetched), ratios of medians
	tests/setup/root.sh $(CACHE) && tests/setup/bench.sh $(CACHE) || true
	$(if $(filter undefined,$(origin QEMU)),tests/setup/qemu.sh $(CACHE) || true)
	QEMU="$${QEMU-$$(ls $(CACHE)/qemu/qemu-i386 2>/dev/null || command -v qemu-i386)}" bench/bench.sh $(X86) $(W)/bench $(CACHE)/root/i386

.PHONY: bench-start
bench-start: all ## programs that only start and fork, against native, by the clock
	bench/start/start.sh $(X86) $(W)/bench-start $(CACHE)/root/i386

.PHONY: bench-aarch64
bench-aarch64: both ## AArch64 instructions for each of the guest's: xrun's, qemu-i386's (takes some minutes)
	tests/setup/qemu-arm64.sh $(CACHE)
	tests/setup/root.sh $(CACHE) && tests/setup/bench.sh $(CACHE) || true
	bench/aarch64.py $(ARM) $(CACHE)/qemu-arm64/qemu-i386 $(X86) $(W)/bench-aarch64 $(CACHE)/root/i386

.PHONY: bench-record
bench-record: ## docs/BENCHMARKS.md: the tables of the last make bench and make bench-aarch64
	bench/record.py docs/BENCHMARKS.md "bench=$(W)/bench/output" "bench-aarch64=$(W)/bench-aarch64/output"

# What the translators make of snippets of code, as text that is reviewed when it changes.
GOLDEN := $(BUILD)/x86_64-release/tests/golden/golden
GOLDEN_ARM := $(BUILD)/aarch64-release/tests/golden/golden
GOLDEN_RUN = tests/golden/golden.py $(1) tests/golden/snippets tests/golden/$(1).txt $(W)/golden-$(1) $(2)
$(O)/tests/golden/golden: $(O)/tests/golden/golden.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) -pthread $(SAN) -o $@ $< $(LIB) $(LIBS)
-include $(O)/tests/golden/golden.d

.PHONY: golden-build golden bless
golden-build:
	$(MAKE) --no-print-directory HOST=x86_64 $(GOLDEN)
	$(MAKE) --no-print-directory HOST=aarch64 $(GOLDEN_ARM)
golden: golden-build ## compare the code made for tests/golden/snippets with tests/golden/HOST.txt
	$(call GOLDEN_RUN,x86_64,$(GOLDEN))
	$(call GOLDEN_RUN,aarch64,$(QEMU_ARM) $(GOLDEN_ARM))
bless: golden-build ## the code that is made now is what `make golden` expects
	BLESS=1 $(call GOLDEN_RUN,x86_64,$(GOLDEN))
	BLESS=1 $(call GOLDEN_RUN,aarch64,$(QEMU_ARM) $(GOLDEN_ARM))

.PHONY: record
record: both ## record the expected results of guest and app tests from this machine's hardware
	RECORD=1 tests/guest/run.sh $(W)/guest x86_64=$(X86)
	RECORD=1 tests/guest/core/run.sh $(W)/core x86_64=$(X86)
	tests/setup/root.sh $(CACHE)
	RECORD=1 tests/app/run.sh $(CACHE)/root/i386

-include tests/insn/insn.mk
