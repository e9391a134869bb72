# Instruction tests against hardware; see insn.c.

INSN_CASES ?= 310
INSN_REPLAY_CASES := 60
INSN_EXPECTED := tests/insn/expected
INSN := $(BUILD)/x86_64-release/tests/insn/insn
INSN_ARM := $(BUILD)/aarch64-release/tests/insn/insn

$(W)/insn-native: tests/insn/native.c tests/insn/case.h
	@mkdir -p $(@D)
	$(GUEST_CC) -O1 -static -fno-pie -no-pie -I. -o $@ $<

$(O)/tests/insn/insn: $(O)/tests/insn/insn.o $(LIB)
	$(CC) $(LINK) -pthread -o $@ $< $(LIB) $(LIBS)

.PHONY: insn-build
insn-build: $(W)/insn-native
	$(MAKE) --no-print-directory HOST=x86_64 $(INSN)
	$(MAKE) --no-print-directory HOST=aarch64 $(INSN_ARM)

# A million cases against the processor; the recorded results of hardware on AArch64.
.PHONY: insn-check
insn-check: insn-build ## instruction tests: live on x86 hardware, replayed on AArch64
	if $(W)/insn-native </dev/null 3</dev/null >/dev/null 2>&1; [ $$? -le 1 ]; then \
	    $(INSN) $(W)/insn-native -n $(INSN_CASES); \
	else echo "insn live: this machine does not run i386, recorded results only"; fi
	$(INSN) - -n $(INSN_REPLAY_CASES) -p $(INSN_EXPECTED)
	$(QEMU_ARM) $(INSN_ARM) - -n $(INSN_REPLAY_CASES) -p $(INSN_EXPECTED)

.PHONY: insn-check-long
insn-check-long: insn-build ## 100 million instruction cases against the processor
	$(INSN) $(W)/insn-native -n 31000 -s 1000000

.PHONY: insn-bless
insn-bless: insn-build ## record the hardware's results for replay
	$(INSN) $(W)/insn-native -n $(INSN_REPLAY_CASES) -r $(INSN_EXPECTED)
