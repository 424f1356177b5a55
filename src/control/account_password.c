#include "control/account_password.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "control/accounts.h"

/* crypt(3) of a password, into out (CRYPT_OUTPUT_SIZE); "" where the setting is none. */
static void hash_password(const char *password, const char *setting, char *out)
{
	struct crypt_data *data = must_alloc(sizeof(*data));
	const char *hash = crypt_r(password, setting, data);

	out[0] = '\0';
	if (hash && hash[0] != '*')
		memcpy(out, hash, strlen(hash) + 1);
	explicit_bzero(data, sizeof(*data));
	free(data);
}

/* Reads as many bytes whatever they are. */
static bool same_bytes(const char *one, const char *other, size_t len)
{
	unsigned char differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)(one[i] ^ other[i]);
	return differ == 0;
}

bool account_password_is_right(const char *password, const char *hash)
{
	/* A setting as account_add makes them: costs what they cost. */
	static const char nobody[] = "$y$j9T$BU.0ljhO6i8RxcaXunGDp/";
	char computed[CRYPT_OUTPUT_SIZE];
	bool right;

	hash_password(password, hash ? hash : nobody, computed);
	if (hash && !computed[0]) /* no crypt(3) hash at all */
		hash_password(password, nobody, computed);
	right = hash && computed[0] && strlen(hash) == strlen(computed) &&
		same_bytes(hash, computed, strlen(hash));
	explicit_bzero(computed, sizeof(computed));
	return right;
}

bool account_password_hash(const char *password, char hash_out[ACCOUNT_HASH_MAX],
			   struct err *err)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	_Static_assert(ACCOUNT_HASH_MAX >= CRYPT_OUTPUT_SIZE, "room for any hash");
	if (!password[0] || strpbrk(password, "\r\n"))
		return err_exit(err, EX_USAGE,
				"a password is one line with at least one letter");
	if (strlen(password) > CRYPT_MAX_PASSPHRASE_SIZE)
		return err_exit(err, EX_USAGE, "a password has at most %d bytes",
				CRYPT_MAX_PASSPHRASE_SIZE);
	if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)))
		return err_errno(err, "salt for a password");
	hash_password(password, setting, hash_out);
	return hash_out[0] ? true : err_temporary(err, "", "crypt(3) has no yescrypt");
}

bool account_hash_is_valid(const char *hash)
{
	int judged = crypt_checksalt(hash);

	/* Without the "$" any two letters are a salt, of a method long broken. */
	return hash[0] == '$' &&
	       (judged == CRYPT_SALT_OK || judged == CRYPT_SALT_METHOD_LEGACY ||
		judged == CRYPT_SALT_TOO_CHEAP);
}
