#include <errno.h>
#include <malloc.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/tls_private.h"

#define PEM_MAX          ((size_t)256 * 1024)
#define TICKET_LIFE_S    86400
#define TICKET_NAME_LEN  16
#define TICKET_KEY_BYTES 32

/*
 * Tickets let a client that comes back skip the expensive half of a handshake. All
 * workers must read each other's, and they share nothing but the private key: so the
 * ticket keys are made from it. Only for TLS 1.3, where who learns them later still
 * cannot read what was recorded (every resumption does a fresh key exchange).
 */
struct ticket_keys {
	unsigned char name[TICKET_NAME_LEN];
	unsigned char cipher[TICKET_KEY_BYTES];
	unsigned char mac[TICKET_KEY_BYTES];
};

static void free_keys(void *parent, void *keys, CRYPTO_EX_DATA *data, int index,
		      long number, void *pointer)
{
	(void)parent, (void)data, (void)index, (void)number, (void)pointer;
	if (keys)
		explicit_bzero(keys, sizeof(struct ticket_keys));
	free(keys);
}

/* Where an SSL_CTX keeps its ticket keys; one number for the life of the process. */
static int keys_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_keys);
	return index;
}

static int use_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
		      EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int making)
{
	struct ticket_keys *keys =
		SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keys_index());
	char digest[] = "SHA256";
	OSSL_PARAM params[3];

	if (!keys || SSL_version(ssl) != TLS1_3_VERSION)
		return 0; /* a full handshake, no ticket */
	if (making) {
		memcpy(name, keys->name, TICKET_NAME_LEN);
		if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
			return -1;
	} else if (memcmp(name, keys->name, TICKET_NAME_LEN) != 0) {
		return 0;
	}
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, keys->mac,
						      sizeof(keys->mac));
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, keys->cipher, iv,
			      making) != 1 ||
	    EVP_MAC_CTX_set_params(mac, params) != 1)
		return -1;
	return making ? 1 : 2; /* 2: good, and give a new one */
}

static bool set_ticket_keys(SSL_CTX *context, EVP_PKEY *key, struct err *err)
{
	static const char label[] = "lontar session tickets";
	struct ticket_keys *keys = must_alloc(sizeof(*keys));
	unsigned char digest[EVP_MAX_MD_SIZE], *der = NULL;
	int len = i2d_PrivateKey(key, &der);
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool good;

	good = len > 0 && hash && EVP_DigestInit_ex(hash, EVP_sha512(), NULL) == 1 &&
	       EVP_DigestUpdate(hash, label, sizeof(label)) == 1 &&
	       EVP_DigestUpdate(hash, der, (size_t)len) == 1 &&
	       EVP_DigestFinal_ex(hash, digest, NULL) == 1;
	if (good) {
		memcpy(keys->cipher, digest, sizeof(keys->cipher));
		memcpy(keys->mac, digest + sizeof(keys->cipher), sizeof(keys->mac));
		/* The name is public: a hash of the hash. */
		SHA256(digest, SHA512_DIGEST_LENGTH, digest);
		memcpy(keys->name, digest, sizeof(keys->name));
	}
	explicit_bzero(digest, sizeof(digest));
	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	EVP_MD_CTX_free(hash);
	if (!good || SSL_CTX_set_ex_data(context, keys_index(), keys) != 1) {
		explicit_bzero(keys, sizeof(*keys));
		free(keys);
		return tls_fail(err, "TLS session tickets");
	}
	return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_ticket) == 1;
}

/* Who names protocols and none of them is mail is a browser led astray (ALPACA). */
static int choose_protocol(SSL *ssl, const unsigned char **chosen_out,
			   unsigned char *len_out, const unsigned char *offered,
			   unsigned offered_len, void *ctx)
{
	static const char *const mail[] = { "smtp", "submission", "pop3" };

	(void)ssl, (void)ctx;
	for (unsigned at = 0; at < offered_len; at += 1u + offered[at]) {
		struct span name = { (const char *)offered + at + 1, offered[at] };

		for (size_t i = 0; i < LENGTH(mail); i++) {
			if (!span_is(name, mail[i]))
				continue;
			*chosen_out = offered + at + 1;
			*len_out = offered[at];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* By pread: the descriptor's position is shared with whoever else has it. */
static bool read_all(int fd, const char *what, struct buf *out, struct err *err)
{
	for (;;) {
		char *at = buf_reserve(out, 4096);
		ssize_t got;

		if (!at)
			return err_exit(err, EX_CONFIG, "the TLS %s is too long", what);
		got = pread(fd, at, 4096, (off_t)out->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "read the TLS %s", what);
		if (got == 0)
			return true;
		buf_wrote(out, (size_t)got);
	}
}

/* A key with a pass phrase is refused; OpenSSL would ask for it on the terminal. */
static int no_pass_phrase(char *phrase, int room, int writing, void *ctx)
{
	(void)writing, (void)ctx;
	if (room > 0)
		phrase[0] = '\0';
	return -1;
}

/* The first certificate is ours, the others lead to its issuer. */
static bool use_chain(SSL_CTX *context, int fd, struct err *err)
{
	AUTO_BUF text = BUF_INIT(PEM_MAX);
	BIO *from;
	X509 *each;
	int count = 0, good = 1;

	if (!read_all(fd, "certificate", &text, err))
		return false;
	from = BIO_new_mem_buf(text.data, (int)text.len);
	while (from && good == 1 &&
	       (each = PEM_read_bio_X509(from, NULL, no_pass_phrase, NULL))) {
		if (count++ == 0)
			good = SSL_CTX_use_certificate(context, each);
		else
			good = (int)SSL_CTX_add1_chain_cert(context, each);
		X509_free(each);
	}
	BIO_free(from);
	if (count == 0)
		return err_exit(err, EX_CONFIG, "no certificate in the TLS certificate");
	if (good != 1)
		return tls_fail(err, "TLS certificate");
	ERR_clear_error(); /* "no start line": the end of the file */
	return true;
}

static bool use_key(SSL_CTX *context, int fd, struct err *err)
{
	AUTO_BUF text = BUF_INIT(PEM_MAX);
	EVP_PKEY *key = NULL;
	bool good = false;

	if (read_all(fd, "key", &text, err)) {
		BIO *from = BIO_new_mem_buf(text.data, (int)text.len);

		if (from)
			key = PEM_read_bio_PrivateKey(from, NULL, no_pass_phrase, NULL);
		BIO_free(from);
		if (!key)
			tls_fail(err, "TLS key");
		else if (SSL_CTX_use_PrivateKey(context, key) != 1 ||
			 SSL_CTX_check_private_key(context) != 1)
			tls_fail(err, "the TLS key does not fit the certificate");
		else
			good = set_ticket_keys(context, key, err);
	}
	EVP_PKEY_free(key);
	explicit_bzero(text.data, text.len);
	return good;
}

static bool set_up(SSL_CTX *context)
{
	static const unsigned char id[] = "lontar";

	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_PRIORITIZE_CHACHA);
	/* An idle session keeps no record buffers: tens of KiB each. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(context, TICKET_LIFE_S);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(context,
				       "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES") == 1 &&
	       SSL_CTX_set_num_tickets(context, 1) == 1 &&
	       SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1) == 1;
}

struct tls_server *tls_server_new(int certificate_fd, int key_fd, struct err *err)
{
	struct tls_server *server = must_alloc(sizeof(*server));

	ERR_clear_error();
	server->context = SSL_CTX_new(TLS_server_method());
	if (!server->context || !set_up(server->context)) {
		tls_fail(err, "TLS");
	} else if (use_chain(server->context, certificate_fd, err) &&
		   use_key(server->context, key_fd, err) &&
		   tls_rehearse(server, TLS1_3_VERSION, err) &&
		   tls_rehearse(server, TLS1_2_VERSION, err)) {
		/* The rehearsal left 100 KiB of freed memory in each worker. */
		malloc_trim(0);
		return server;
	}
	tls_server_free(server);
	return NULL;
}

void tls_server_free(struct tls_server *server)
{
	if (!server)
		return;
	SSL_CTX_free(server->context);
	free(server);
}
