#include "programs/lontar-pickup/remote_mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/digest.h"

#define COST_SHARE   16
#define COST_MESSAGE UINT64_C(400)

uint64_t remote_mailbox_cost(uint64_t octets)
{
	return octets + octets / COST_SHARE + COST_MESSAGE;
}

static bool lock(struct remote_mailbox *mailbox, struct err *err)
{
	char path[SMARTHOST_NAME_MAX + 16];

	snprintf(path, sizeof(path), "run/pickup.%s", mailbox->pickup.name);
	mailbox->lock_fd = openat(mailbox->root_fd, path,
				  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (mailbox->lock_fd < 0)
		return err_errno(err, "open %s", path);
	(void)!fchmod(mailbox->lock_fd, 0660); /* past the umask, if the file is ours */
	if (flock(mailbox->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		err_exit(err, EX_TEMPFAIL, "pickup %s is being fetched already",
			 mailbox->pickup.name);
	else
		err_errno(err, "lock %s", path);
	file_close(&mailbox->lock_fd);
	return false;
}

static bool open_proof(struct remote_mailbox *mailbox, bool proves, struct err *err)
{
	const struct pickup *pickup = &mailbox->pickup;

	if (!proves)
		return !pickup->multidrop ||
		       multidrop_proof_is_proved(mailbox->root_fd, pickup, err);
	if (!pickup->multidrop)
		return err_exit(err, EX_CONFIG,
				"control/pickups/%s says no multidrop HEADER: there is "
				"nothing to prove",
				pickup->name);
	mailbox->proof = multidrop_proof_open(mailbox->root_fd, pickup, err);
	return mailbox->proof != NULL;
}

/* Which mailbox it is: server, login and folder. */
static void digest_identity(const struct pickup *pickup, char text_out[DIGEST_TEXT_MAX])
{
	const char *const parts[] = { pickup->host, pickup->user, pickup->folder };
	struct digest *digest = digest_new();

	for (size_t i = 0; i < LENGTH(parts); i++) {
		digest_add(digest, span_of(parts[i] ? parts[i] : ""));
		digest_add(digest, (struct span){ "\n", 1 });
	}
	digest_text(digest, text_out);
	digest_free(digest);
}

bool remote_mailbox_open(struct remote_mailbox *mailbox, const char *name, bool proves,
			 struct err *err)
{
	char identity[DIGEST_TEXT_MAX];

	mailbox->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (mailbox->root_fd < 0)
		return false;
	mailbox->control_fd = file_open_dir(mailbox->root_fd, "control", err);
	if (mailbox->control_fd < 0 ||
	    !settings_load(mailbox->control_fd, &mailbox->settings, err) ||
	    !rewrites_load(mailbox->control_fd, &mailbox->rewrites, err) ||
	    !pickup_load(mailbox->control_fd, name, &mailbox->pickup, err) ||
	    !lock(mailbox, err) || !open_proof(mailbox, proves, err))
		return false;
	mailbox->seen = seen_open(mailbox->root_fd, name, err);
	if (!mailbox->seen)
		return false;
	digest_identity(&mailbox->pickup, identity);
	mailbox->is_moved = seen_is_of_another(mailbox->seen, identity);
	return true;
}

bool remote_mailbox_tidy(struct remote_mailbox *mailbox, struct err *err)
{
	char identity[DIGEST_TEXT_MAX];

	digest_identity(&mailbox->pickup, identity);
	return seen_set_mailbox(mailbox->seen, identity, err) &&
	       seen_tidy(mailbox->seen, clock_wall_s(), err);
}

void remote_mailbox_close(struct remote_mailbox *mailbox)
{
	seen_close(mailbox->seen);
	multidrop_proof_close(mailbox->proof);
	file_close(&mailbox->lock_fd);
	if (mailbox->pickup.name)
		pickup_clear(&mailbox->pickup);
	rewrites_clear(&mailbox->rewrites);
	settings_clear(&mailbox->settings);
	file_close(&mailbox->control_fd);
	file_close(&mailbox->root_fd);
}
