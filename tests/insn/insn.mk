# Instruction tests against hardware; see insn.c.

INSN_CASES ?= 120
$(W)/insn-native: tests/insn/native.c tests/insn/case.h
	@mkdir -p $(@D)
	$(GUEST_CC) -O1 -static -fno-pie -no-pie -I. -o $@ $<

$(BUILD)/%-release/tests/insn/insn: $(BUILD)/%-release/tests/insn/insn.o $(BUILD)/%-release/libxrun.a
	$(CC) $(LINK) -pthread -o $@ $< $(LIB) $(LIBS)
