#include "programs/lontar/role.h"

#include "control/accounts.h"
#include "control/smarthost.h"
#include "programs/lontar/local_identity.h"

/* A delivery's (mail/maildir.h): only to tell one from another. */
static bool is_message_id(const char *name)
{
	size_t len = strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");

	return len && !name[len];
}

const struct role_row roles[ROLES] = {
	[ROLE_AUTH] = { "auth", "lontar-auth", .user = "lontarauth", .has_socket = true },
	/* What is parked changes hands: lontar-deliver's and then lontar-flush's. */
	[ROLE_DELIVER] = { "deliver", "lontar-deliver", .user = "lontar",
			   .shares_with = "lontarout", .has_socket = true },
	[ROLE_LINK] = { "link", "lontar-link", .user = "lontar",
			.shares_with = "lontarout", .has_socket = true },
	[ROLE_DISPATCH] = { "dispatch", "lontar-dispatch", .user = "lontar",
			    .shares_with = "lontarout" },
	[ROLE_SMTPD] = { "smtpd", "lontar-smtpd", .user = "lontard", .is_door = true,
			 .one_a_core = true },
	[ROLE_POP3D] = { "pop3d", "lontar-pop3d", .user = "lontard", .is_door = true },
	[ROLE_WEB] = { "web", "lontar-web", .user = "lontarweb", .is_door = true },
	/* Virtual mailboxes are lontar-deliver's; a user of the system reads his own. */
	[ROLE_MAILBOX] = { "mailbox", "lontar-mailbox", .user = "lontar",
			   .is_on_demand = true, .asker = ROLE_AUTH,
			   .name_is_valid = mailbox_order_is_valid },
	[ROLE_FLUSH] = { "flush", "lontar-flush", .user = "lontarout",
			 .is_on_demand = true, .asker = ROLE_LINK,
			 .name_is_valid = smarthost_name_is_valid },
	[ROLE_LOCAL] = { "local", "lontar-local", .user = "lontar", .is_on_demand = true,
			 .asker = ROLE_DISPATCH, .name_is_valid = local_order_is_valid },
	[ROLE_PICKUP] = { "pickup", "lontar-pickup", .user = "lontarout",
			  .is_on_demand = true, .asker = ROLE_LINK,
			  .name_is_valid = smarthost_name_is_valid },
	[ROLE_PROBE] = { "probe",
			 "lontar-flush",
			 { "--probe" },
			 .user = "lontarout",
			 .is_on_demand = true,
			 .asker = ROLE_LINK,
			 .name_is_valid = smarthost_name_is_valid },
	[ROLE_NOTICES] = { "notices",
			   "lontar-flush",
			   { "--notices" },
			   .user = "lontarout",
			   .is_on_demand = true,
			   .asker = ROLE_LINK,
			   .name_is_valid = smarthost_name_is_valid },
	[ROLE_WARNING] = { "warning",
			   "lontar-login",
			   { "token", "--warn" },
			   .user = "lontarout",
			   .is_on_demand = true,
			   .asker = ROLE_LINK,
			   .name_is_valid = smarthost_name_is_valid },
	/* The dial command is the operator's: it may be pon, and has nothing of the
	 * network's. */
	[ROLE_CALL] = { "call",
			"lontar",
			{ "--root=.", "call", "--gateway" },
			.user = "lontar",
			.shares_with = "lontarout",
			.may_gain = true,
			.is_on_demand = true,
			.asker = ROLE_LINK,
			.name_is_valid = smarthost_name_is_valid },
	/* A checkpassword program reads what root may, and becomes the user. */
	[ROLE_CHECKPW] = { "checkpw", "lontar-checkpw", .user = NULL,
			   .is_on_demand = true, .asker = ROLE_AUTH,
			   .name_is_valid = account_name_is_valid },
	/* As qmail-smtpd's filters: nothing here is theirs. */
	[ROLE_FILTER] = { "filter", "lontar-filter", .user = "lontard",
			  .is_on_demand = true, .asker = ROLE_DELIVER,
			  .name_is_valid = is_message_id },
};

bool role_find(struct span name, enum role *role_out)
{
	for (unsigned i = 0; i < ROLES; i++)
		if (span_is(name, roles[i].name)) {
			*role_out = (enum role)i;
			return true;
		}
	return false;
}

bool role_serves(enum role role, const char *service)
{
	enum role door = ROLE_SMTPD;

	if (strncmp(service, "pop3", 4) == 0)
		door = ROLE_POP3D;
	else if (strcmp(service, "web") == 0)
		door = ROLE_WEB;
	return role == door;
}
