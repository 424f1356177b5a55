#include "verdict/reply_rules.h"

/* The assembler reads the file; make runs at the top of the tree. */
__asm__(".section .rodata\n"
	".global verdict_shipped\n"
	"verdict_shipped:\n"
	".incbin \"src/verdict/shipped.rules\"\n"
	".global verdict_shipped_end\n"
	"verdict_shipped_end:\n"
	".byte 0\n"
	".previous\n");
extern const char verdict_shipped[], verdict_shipped_end[];

struct span reply_rules_shipped(void)
{
	return (struct span){ verdict_shipped,
			      (size_t)(verdict_shipped_end - verdict_shipped) };
}
