/* A number that stands for bytes and differs when they do (FNV-1a, 64 bits): to see
 * whether a setting changed, not to keep secrets. */
#ifndef CONTROL_SIGNATURE_H
#define CONTROL_SIGNATURE_H

#include <stdint.h>

#include "base/span.h"

#define SIGNATURE_START UINT64_C(14695981039346656037)

static inline uint64_t signature_bytes(uint64_t signature, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		signature = (signature ^ (unsigned char)bytes.at[i]) *
			    UINT64_C(1099511628211);
	return signature;
}

static inline uint64_t signature_number(uint64_t signature, uint64_t number)
{
	return signature_bytes(signature,
			       (struct span){ (const char *)&number, sizeof(number) });
}

/* With its NUL, so that "a" "b" is not "ab". */
static inline uint64_t signature_text(uint64_t signature, const char *text)
{
	return signature_bytes(signature, (struct span){ text, strlen(text) + 1 });
}

#endif
