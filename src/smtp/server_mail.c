#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "smtp/server_verbs.h"

/* Offered sizes beyond this are no sizes. */
#define SIZE_MOST (UINT64_MAX / 4)

struct mail_parameters {
	struct span size, body, smtputf8, auth; /* at is NULL where not given */
};

static bool refuse_parameter(struct smtp_server *server, unsigned code, struct span word)
{
	smtp_offence(server, code, "5.5.4", "parameter %.*s",
		     (int)(word.len < 60 ? word.len : 60), word.at);
	return false;
}

/* Each may come once; a value of "" is not a value. */
static bool take_parameter(struct smtp_server *server, struct mail_parameters *parameters,
			   struct span word)
{
	struct span value = word, name;
	struct span *slot = NULL;
	bool valued;

	if (!span_cut(&value, '=', &name))
		return false;
	valued = value.at != NULL;
	if (span_is_word(name, "SIZE"))
		slot = &parameters->size;
	else if (span_is_word(name, "BODY"))
		slot = &parameters->body;
	else if (span_is_word(name, "SMTPUTF8"))
		slot = &parameters->smtputf8;
	else if (span_is_word(name, "AUTH") && server->policy.login_offered)
		slot = &parameters->auth;
	if (!slot || !server->extended)
		return refuse_parameter(server, 555, word);
	if (slot->at || (valued && !value.len) ||
	    valued == (slot == &parameters->smtputf8))
		return refuse_parameter(server, 501, word);
	*slot = valued ? value : name;
	return true;
}

/* Mail-parameters = *( SP keyword ["=" value] ) (RFC 5321 4.1.2) */
static bool take_parameters(struct smtp_server *server,
			    struct mail_parameters *parameters, struct span rest)
{
	while (rest.len) {
		struct span word = rest;

		for (word.len = 0; word.len < rest.len; word.len++)
			if (rest.at[word.len] == ' ' || rest.at[word.len] == '\t')
				break;
		if (!take_parameter(server, parameters, word))
			return false;
		rest = span_trim(span_after(rest, word.len));
	}
	return true;
}

static bool check_parameters(struct smtp_server *server,
			     const struct mail_parameters *parameters)
{
	uint64_t databytes = server->policy.databytes;

	if (parameters->body.at && !span_is_word(parameters->body, "7BIT") &&
	    !span_is_word(parameters->body, "8BITMIME"))
		return refuse_parameter(server, 501, parameters->body);
	if (!parameters->size.at)
		return true;
	if (!number_parse(parameters->size, SIZE_MOST, &server->announced))
		return refuse_parameter(server, 501, parameters->size);
	if (!databytes || server->announced <= databytes)
		return true;
	smtp_reply(server, 552, "5.3.4", "the largest message taken here has %llu octets",
		   (unsigned long long)databytes);
	return false;
}

/* The path behind "FROM:" or "TO:", however people type it: in any case, with blanks,
 * without the word or its colon. False: replied. */
static bool take_path(struct smtp_server *server, const char *word, struct span *rest,
		      char address_out[ADDRESS_MAX])
{
	size_t len = strlen(word);
	struct err err;

	if (rest->len > len && span_is_word((struct span){ rest->at, len }, word) &&
	    strchr(": \t<", rest->at[len]))
		*rest = span_trim(span_after(*rest, len));
	if (rest->len && rest->at[0] == ':')
		*rest = span_trim(span_after(*rest, 1));
	if (!rest->len) {
		smtp_offence(server, 501, "5.5.4", "%s:<address>, please", word);
		return false;
	}
	if (!address_take_path(rest, address_out, &err)) {
		bool sender = strcmp(word, "FROM") == 0;

		smtp_offence(server, 501, sender ? "5.1.7" : "5.1.3", "%s", err.text);
		return false;
	}
	if (rest->len && rest->at[0] != ' ' && rest->at[0] != '\t') {
		smtp_offence(server, 501, "5.5.4", "a blank comes behind the address");
		return false;
	}
	*rest = span_trim(*rest);
	return true;
}

static bool may_be_utf8(struct smtp_server *server, const char *address)
{
	if (server->utf8 || !address_is_utf8(address))
		return true;
	smtp_reply(server, 553, "5.6.7", "this address needs SMTPUTF8");
	return false;
}

static bool may_mail(struct smtp_server *server)
{
	if (!server->policy.login_required || server->logged_in)
		return true;
	if (!server->policy.tls_active && server->policy.tls_offered)
		smtp_offence(server, 530, "5.7.0", "STARTTLS first");
	else
		smtp_offence(server, 530, "5.7.0", "AUTH first");
	return false;
}

/* mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] */
void smtp_cmd_mail(struct smtp_server *server, struct span args)
{
	struct mail_parameters parameters = { 0 };

	if (!may_mail(server) || !take_path(server, "FROM", &args, server->sender) ||
	    !take_parameters(server, &parameters, args))
		return;
	server->utf8 = parameters.smtputf8.at != NULL;
	if (!check_parameters(server, &parameters) ||
	    !may_be_utf8(server, server->sender)) {
		smtp_forget(server);
		return;
	}
	server->state = SERVER_SENDER;
	smtp_reply(server, 250, "2.1.0", "sender ok");
}

/* rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters]; there are none here */
void smtp_cmd_rcpt(struct smtp_server *server, struct span args)
{
	if (!take_path(server, "TO", &args, server->recipient))
		return;
	if (!server->recipient[0]) {
		smtp_offence(server, 501, "5.1.3", "nobody is no recipient");
		return;
	}
	if (args.len) {
		refuse_parameter(server, 555, args);
		return;
	}
	if (!may_be_utf8(server, server->recipient))
		return;
	if (server->recipient_count == SMTP_SERVER_RECIPIENTS_MAX ||
	    server->recipients.len + ADDRESS_MAX > server->recipients.max) {
		smtp_reply(server, 452, "4.5.3", "too many recipients for one message");
		return;
	}
	server->told = true;
	smtp_ask(server, SMTP_ASK_RECIPIENT);
	server->event.sender = server->sender;
	server->event.recipient = server->recipient;
	server->event.may_relay = server->policy.may_relay || server->logged_in;
}

void smtp_recipient_answered(struct smtp_server *server,
			     const struct smtp_verdict *verdict)
{
	struct smtp_reply reply;

	if (verdict->kind == SMTP_YES &&
	    buf_append(&server->recipients, server->recipient,
		       strlen(server->recipient) + 1)) {
		server->recipient_count++;
		server->state = SERVER_RECIPIENT;
		smtp_reply(server, 250, "2.1.5", "recipient ok");
		return;
	}
	reply = smtp_reply_of(verdict);
	/* Who tries names instead of mailing people is shown out after a while. */
	if (!server->policy.may_relay && !server->logged_in &&
	    ++server->idle > SERVER_IDLE_MAX)
		smtp_hang_up(server, "4.7.0", "too many recipients refused");
	else
		smtp_reply_made(server, &reply);
}
