# Instruction tests against hardware; see insn.c.

INSN_CASES ?= 120
INSN_LONG ?= 11300
INSN_REPLAY_CASES := 40
INSN_TRANSLATED ?= 16
INSN_EXPECTED := tests/insn/expected
INSN := $(BUILD)/x86_64-release/tests/insn/insn
INSN_ARM := $(BUILD)/aarch64-release/tests/insn/insn
INSN_OBJS := $(addprefix $(O)/tests/insn/,insn.o forms.o state.o mutate.o intel.o)

# Without a C library, out of the way of the cases. The second has no alias of the code page.
NATIVE_CC = $(GUEST_CC) -O2 -Wall -Wextra -ffreestanding -fno-builtin \
	-fno-tree-loop-distribute-patterns -fno-stack-protector -mgeneral-regs-only -fno-pie -no-pie \
	-static -nostdlib -Wl,-Ttext-segment=0x60000000,--build-id=none -I.
$(W)/insn-native: tests/insn/native.c tests/insn/case.h
	@mkdir -p $(@D)
	$(NATIVE_CC) -o $@ $<
$(W)/insn-private: tests/insn/native.c tests/insn/case.h
	@mkdir -p $(@D)
	$(NATIVE_CC) -DCASE_PRIVATE -o $@ $<

$(O)/tests/insn/insn: $(INSN_OBJS) $(LIB)
	$(CC) $(LINK) -pthread -o $@ $(INSN_OBJS) $(LIB) $(LIBS)

-include $(INSN_OBJS:.o=.d)

.PHONY: insn-build
insn-build: $(W)/insn-native $(W)/insn-private
	$(MAKE) --no-print-directory HOST=x86_64 $(INSN)
	$(MAKE) --no-print-directory HOST=aarch64 $(INSN_ARM)

# A million cases against the processor; the recorded results of hardware on AArch64.
.PHONY: insn-check
insn-check: insn-build ## instruction tests: live on x86 hardware, replayed on AArch64
	if $(W)/insn-native </dev/null 3</dev/null >/dev/null 2>&1; [ $$? -le 2 ]; then \
	    $(INSN) $(W)/insn-native -n $(INSN_CASES) && $(INSN) $(W)/insn-native -n 100 -m 1; \
	else echo "insn live: this machine does not run i386, recorded results only"; fi
	$(INSN) $(W)/insn-private -n $(INSN_TRANSLATED) -x $(X86) # the translators against the interpreter
	printf '#!/bin/sh\nexec $(QEMU_ARM) $(ARM) "$$@"\n' >$(W)/insn-arm && chmod +x $(W)/insn-arm
	$(INSN) $(W)/insn-private -n 8 -y $(abspath $(W))/insn-arm
	$(INSN) - -n $(INSN_REPLAY_CASES) -p $(INSN_EXPECTED)
	$(QEMU_ARM) $(INSN_ARM) - -n $(INSN_REPLAY_CASES) -p $(INSN_EXPECTED)

.PHONY: insn-check-long
insn-check-long: insn-build ## 100 million instruction cases against the processor; mutations
	$(INSN) $(W)/insn-native -n 200 -m 1
	$(INSN) $(W)/insn-native -n $(INSN_LONG) -s 1000000
	$(INSN) $(W)/insn-private -n 400 -s 1000000 -x $(X86)

.PHONY: insn-list
insn-list: insn-build ## what the instruction tests leave out, with reasons and counts
	@$(INSN) - -l 1

.PHONY: insn-bless
insn-bless: insn-build ## record the hardware's results for replay
	$(INSN) $(W)/insn-native -n $(INSN_REPLAY_CASES) -r $(INSN_EXPECTED)
