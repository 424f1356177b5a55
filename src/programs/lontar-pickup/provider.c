#include "programs/lontar-pickup/provider.h"

#include <stdio.h>

#include "programs/lontar-pickup/remote_mailbox.h"

const struct provider_kind *provider_kind_of(const struct remote_mailbox *mailbox)
{
	static const struct provider_kind *const kinds[] = {
		[PICKUP_POP3] = &provider_pop3,
		[PICKUP_IMAP] = &provider_imap,
	};

	return kinds[mailbox->pickup.type];
}

void provider_open(struct provider *provider, const struct remote_mailbox *mailbox,
		   struct span offer, const struct provider_hooks *hooks, void *ctx)
{
	provider->kind = provider_kind_of(mailbox);
	provider->engine = provider->kind->open(mailbox, offer, hooks, ctx);
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

bool provider_receive(struct provider *provider, struct span bytes, struct err *err)
{
	return provider->kind->receive(provider->engine, bytes, err);
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

void provider_key_of(struct span uid, char key_out[DIGEST_TEXT_MAX])
{
	struct digest *digest;

	snprintf(key_out, DIGEST_TEXT_MAX, "-");
	if (!uid.len)
		return;
	digest = digest_new();
	digest_add(digest, uid);
	digest_text(digest, key_out);
	digest_free(digest);
}

void provider_key(const struct provider *provider, size_t message,
		  char key_out[DIGEST_TEXT_MAX])
{
	provider->kind->key(provider->engine, message, key_out);
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
