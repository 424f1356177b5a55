#include "net/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

struct digest {
	EVP_MD_CTX *context;
};

struct digest *digest_new(void)
{
	struct digest *digest = must_alloc(sizeof(*digest));

	digest->context = EVP_MD_CTX_new();
	assert(digest->context);
	assert(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) == 1);
	return digest;
}

void digest_add(struct digest *digest, struct span bytes)
{
	if (bytes.len)
		assert(EVP_DigestUpdate(digest->context, bytes.at, bytes.len) == 1);
}

const char *digest_text(const struct digest *digest, char text_out[DIGEST_TEXT_MAX])
{
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD_CTX *copy = EVP_MD_CTX_new();

	assert(copy && EVP_MD_CTX_copy_ex(copy, digest->context) == 1);
	assert(EVP_DigestFinal_ex(copy, value, &len) == 1 && len >= 16);
	EVP_MD_CTX_free(copy);
	for (unsigned i = 0; i < 16; i++)
		snprintf(text_out + (size_t)2 * i, 3, "%02x", value[i]);
	return text_out;
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}
