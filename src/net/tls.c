#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_private.h"

#define RECORD_BYTES 16384 /* of plain text in one TLS record, at most */

struct tls {
	SSL *ssl;
	BIO *from_wire, *to_wire; /* owned by ssl */
	bool ready;
	bool holding;
	char description[96];
};

bool tls_fail(struct err *err, const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	err_temporary(err, "4.7.0", "%s: %s", what, reason ? reason : "failed");
	ERR_clear_error();
	return false;
}

struct tls *tls_accept(struct tls_server *server)
{
	struct tls *tls = must_alloc(sizeof(*tls));

	tls->ssl = SSL_new(server->context);
	tls->from_wire = BIO_new(BIO_s_mem());
	tls->to_wire = BIO_new(BIO_s_mem());
	if (!tls->ssl || !tls->from_wire || !tls->to_wire)
		exit(EX_TEMPFAIL);
	/* Empty means "not yet", never "the end": the socket's owner tells that. */
	BIO_set_mem_eof_return(tls->from_wire, -1);
	BIO_set_mem_eof_return(tls->to_wire, -1);
	SSL_set_bio(tls->ssl, tls->from_wire, tls->to_wire);
	SSL_set_accept_state(tls->ssl);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

/* Moves what OpenSSL wants to say to wire_out. */
static bool drain(struct tls *tls, struct buf *wire_out, struct err *err)
{
	char *bytes;
	long len = BIO_get_mem_data(tls->to_wire, &bytes);

	if (len <= 0)
		return true;
	if (!buf_append(wire_out, bytes, (size_t)len))
		return err_temporary(err, "4.7.0", "TLS: the peer does not read");
	(void)BIO_reset(tls->to_wire);
	return true;
}

/* What became of an OpenSSL call that returned `result` <= 0: to go on is true. */
static bool judge(struct tls *tls, int result, bool *closed_out, struct err *err)
{
	*closed_out = false;
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return true;
	case SSL_ERROR_ZERO_RETURN:
		*closed_out = true;
		*err = (struct err){ 0 };
		return false;
	default:
		return tls_fail(err, tls->ready ? "TLS" : "TLS handshake");
	}
}

static bool handshake(struct tls *tls, bool *closed_out, struct err *err)
{
	int result = SSL_do_handshake(tls->ssl);

	*closed_out = false;
	if (result != 1)
		return judge(tls, result, closed_out, err);
	tls->ready = true;
	snprintf(tls->description, sizeof(tls->description), "%s %s",
		 SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl));
	return true;
}

/* Decrypts until there is no whole record left, or no room. */
static bool decrypt(struct tls *tls, struct buf *plain_out, struct err *err)
{
	bool closed;

	for (;;) {
		size_t room = plain_out->max - plain_out->len;
		size_t got;
		char *at;
		int result;

		tls->holding = room == 0;
		if (tls->holding)
			return true;
		if (room > RECORD_BYTES)
			room = RECORD_BYTES;
		at = buf_reserve(plain_out, room);
		result = SSL_read_ex(tls->ssl, at, room, &got);
		if (result <= 0)
			return judge(tls, result, &closed, err);
		buf_wrote(plain_out, got);
	}
}

bool tls_feed(struct tls *tls, struct span wire, struct buf *plain_out,
	      struct buf *wire_out, struct err *err)
{
	struct err unsent;
	bool good = true, closed;

	ERR_clear_error();
	while (wire.len) {
		int piece = wire.len > RECORD_BYTES ? RECORD_BYTES : (int)wire.len;

		if (BIO_write(tls->from_wire, wire.at, piece) != piece)
			return tls_fail(err, "TLS");
		wire = span_after(wire, (size_t)piece);
	}
	if (!tls->ready)
		good = handshake(tls, &closed, err);
	if (good && tls->ready)
		good = decrypt(tls, plain_out, err);
	/* An alert that says why goes out even now. */
	if (!good) {
		(void)drain(tls, wire_out, &unsent);
		return false;
	}
	return drain(tls, wire_out, err);
}

bool tls_write(struct tls *tls, struct span plain, struct buf *wire_out, struct err *err)
{
	ERR_clear_error();
	while (plain.len) {
		size_t piece = plain.len > RECORD_BYTES ? RECORD_BYTES : plain.len;
		size_t wrote;

		if (SSL_write_ex(tls->ssl, plain.at, piece, &wrote) != 1)
			return tls_fail(err, "TLS");
		if (!drain(tls, wire_out, err))
			return false;
		plain = span_after(plain, wrote);
	}
	return true;
}

bool tls_is_ready(const struct tls *tls)
{
	return tls->ready;
}

bool tls_is_holding(const struct tls *tls)
{
	return tls->holding;
}

void tls_shutdown(struct tls *tls, struct buf *wire_out)
{
	struct err ignored;

	ERR_clear_error();
	if (tls->ready)
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
	(void)drain(tls, wire_out, &ignored);
}

const char *tls_describe(const struct tls *tls)
{
	return tls->description;
}

/* What one side has said becomes what the other hears. */
static void carry(BIO *from, BIO *to)
{
	char *bytes;
	long len = BIO_get_mem_data(from, &bytes);

	if (len > 0) {
		BIO_write(to, bytes, (int)len);
		(void)BIO_reset(from);
	}
}

bool tls_rehearse(struct tls_server *server, int version, struct err *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct tls *tls = tls_accept(server);
	AUTO_BUF plain = BUF_INIT(RECORD_BYTES);
	AUTO_BUF wire = BUF_INIT((size_t)256 * 1024);
	BIO *heard = BIO_new(BIO_s_mem()), *said = BIO_new(BIO_s_mem());
	SSL *client = context ? SSL_new(context) : NULL;
	bool good = client && heard && said;

	if (good) {
		BIO_set_mem_eof_return(heard, -1);
		SSL_set_bio(client, heard, said);
		SSL_set_min_proto_version(client, version);
		SSL_set_max_proto_version(client, version);
		SSL_set_connect_state(client);
	}
	/* Three flights are enough for either version; a ticket comes with the last. */
	for (int flight = 0; good && flight < 4; flight++) {
		SSL_do_handshake(client);
		carry(said, tls->from_wire);
		good = tls_feed(tls, (struct span){ "", 0 }, &plain, &wire, err);
		BIO_write(heard, wire.data, (int)wire.len);
		buf_reset(&wire);
	}
	if (good && !(tls->ready && SSL_is_init_finished(client)))
		good = tls_fail(err, "TLS handshake");
	SSL_free(client);
	SSL_CTX_free(context);
	tls_free(tls);
	ERR_clear_error();
	return good;
}
