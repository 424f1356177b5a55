#include "programs/lontar-pickup/provider.h"

#include <stdio.h>

#include "programs/lontar-pickup/pickup.h"

const struct provider_kind *provider_kind_of(const struct work *work)
{
	static const struct provider_kind *const kinds[] = {
		[PICKUP_POP3] = &provider_pop3,
		[PICKUP_IMAP] = &provider_imap,
	};

	return kinds[work->pickup.type];
}

void provider_open(struct provider *provider, struct work *work, struct span offer,
		   const struct provider_hooks *hooks, void *ctx)
{
	provider->kind = provider_kind_of(work);
	provider->engine = provider->kind->open(work, offer, hooks, ctx);
}

void provider_close(struct provider *provider)
{
	if (provider->engine)
		provider->kind->close(provider->engine);
	provider->engine = NULL;
}

struct buf *provider_outgoing(struct provider *provider)
{
	return provider->kind->outgoing(provider->engine);
}

bool provider_hear(struct provider *provider, struct span bytes, struct err *err)
{
	return provider->kind->hear(provider->engine, bytes, err);
}

size_t provider_count(const struct provider *provider)
{
	return provider->kind->count(provider->engine);
}

uint64_t provider_octets(const struct provider *provider, size_t message)
{
	return provider->kind->octets(provider->engine, message);
}

uint64_t provider_octets_left(const struct provider *provider, size_t message)
{
	return provider->kind->octets_left(provider->engine, message);
}

void provider_key(const struct provider *provider, size_t message,
		  char key_out[DIGEST_TEXT_MAX])
{
	struct span uid = provider->kind->uid(provider->engine, message);
	struct digest *digest;

	snprintf(key_out, DIGEST_TEXT_MAX, "-");
	if (!uid.len)
		return;
	digest = digest_new();
	digest_add(digest, uid);
	digest_text(digest, key_out);
	digest_free(digest);
}

uint64_t provider_listing_bytes(const struct provider *provider)
{
	return provider->kind->listing_bytes(provider->engine);
}

bool provider_has_headers(const struct provider *provider)
{
	return provider->kind->has_headers(provider->engine);
}

bool provider_is_renumbered(const struct provider *provider)
{
	return provider->kind->is_renumbered(provider->engine);
}

bool provider_note_numbers(struct provider *provider, struct err *err)
{
	return provider->kind->note_numbers(provider->engine, err);
}

bool provider_may_ask(const struct provider *provider)
{
	return provider->kind->may_ask(provider->engine);
}

void provider_ask(struct provider *provider, enum provider_ask ask, size_t message)
{
	provider->kind->ask(provider->engine, ask, message);
}

size_t provider_awaited(const struct provider *provider)
{
	return provider->kind->awaited(provider->engine);
}
