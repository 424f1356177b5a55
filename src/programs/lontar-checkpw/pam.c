#include "programs/lontar-checkpw/pam.h"

#include <pwd.h>
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/log.h"

struct asked {
	const char *user, *password;
};

static char *answer_to(int style, const struct asked *asked)
{
	if (style == PAM_PROMPT_ECHO_OFF)
		return strdup(asked->password);
	return style == PAM_PROMPT_ECHO_ON ? strdup(asked->user) : NULL;
}

static void forget(struct pam_response *answers, int count)
{
	for (int i = 0; i < count; i++) {
		if (answers[i].resp)
			explicit_bzero(answers[i].resp, strlen(answers[i].resp));
		free(answers[i].resp);
	}
	free(answers);
}

static int converse(int count, const struct pam_message **messages,
		    struct pam_response **answers_out, void *ctx)
{
	struct pam_response *answers;

	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	answers = calloc((size_t)count, sizeof(*answers));
	if (!answers)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;

		answers[i].resp = answer_to(style, ctx);
		if (!answers[i].resp &&
		    (style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON)) {
			forget(answers, i);
			return PAM_BUF_ERR;
		}
	}
	*answers_out = answers;
	return PAM_SUCCESS;
}

/* lontar-auth makes who guesses wait, without keeping a process. */
static void no_delay(int result, unsigned delay_us, void *ctx)
{
	(void)result;
	(void)delay_us;
	(void)ctx;
}

/* Everything else may be a fault of ours. */
static bool is_refusal(int result)
{
	static const int refusals[] = { PAM_AUTH_ERR,     PAM_USER_UNKNOWN,
					PAM_MAXTRIES,     PAM_ACCT_EXPIRED,
					PAM_PERM_DENIED,  PAM_NEW_AUTHTOK_REQD,
					PAM_CRED_EXPIRED, PAM_AUTHTOK_EXPIRED };

	for (size_t i = 0; i < LENGTH(refusals); i++)
		if (result == refusals[i])
			return true;
	return false;
}

enum auth_verdict pam_verdict(const char *service, const char *user, const char *password)
{
	struct asked asked = { user, password };
	const struct pam_conv conversation = { converse, &asked };
	const struct passwd *entry = getpwnam(user);
	pam_handle_t *pam = NULL;
	int result = pam_start(service, user, &conversation, &pam);

	if (result == PAM_SUCCESS) {
		const void *item;

		memcpy(&item, &(void (*)(int, unsigned, void *)){ no_delay },
		       sizeof(item));
		result = pam_set_item(pam, PAM_FAIL_DELAY, item);
	}
	if (result == PAM_SUCCESS)
		result = pam_authenticate(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	if (result == PAM_SUCCESS)
		result = pam_acct_mgmt(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	if (result != PAM_SUCCESS && !is_refusal(result))
		log_warning("PAM service %s: %s", service, pam_strerror(pam, result));
	if (pam)
		pam_end(pam, result);
	if (result == PAM_SUCCESS)
		return entry && entry->pw_uid == 0 ? AUTH_NO : AUTH_YES;
	return is_refusal(result) ? AUTH_NO : AUTH_LATER;
}
