/*
 * lontar-checkpw: one name and one password that control/accounts does not know, tried
 * with PAM or with a checkpassword program, as control/checkpassword says. Started by
 * `lontar run` for lontar-auth; root (who may become the user, and nothing else), without
 * network, for half a minute at most.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/args.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "control/accounts.h"
#include "control/settings.h"
#include "ipc/channel.h"
#include "ipc/master.h"
#include "programs/lontar-checkpw/command.h"
#include "programs/lontar-checkpw/pam.h"

#define ATTEMPT_S    30
#define ASKED_MS     5000
#define PASSWORD_MAX 513

static const char usage[] =
	"usage: lontar-checkpw USER\n"
	"Started by `lontar run`: tries one password as control/checkpassword says.\n";

static void on_alarm(int signal_number)
{
	(void)signal_number;
	kill(0, SIGKILL); /* our group: we and the program */
}

/* "pam" or "pam SERVICE", else a command. */
static enum auth_verdict try_it(const char *setting, const char *user,
				const char *password)
{
	struct span rest = span_of(setting), word;
	char service[64] = "lontar";

	if (!span_cut(&rest, ' ', &word) || !span_is(word, "pam"))
		return command_verdict(setting, user, password);
	rest = rest.at ? span_trim(rest) : rest;
	if (rest.at && rest.len && !packet_text_copy(rest, service, sizeof(service))) {
		log_error("control/checkpassword: the service's name is too long");
		return AUTH_LATER;
	}
	return pam_verdict(service, user, password);
}

static bool read_setting(struct settings_list *lines, struct err *err)
{
	AUTO_FD control_fd = file_open_dir(AT_FDCWD, "control", err);

	if (control_fd < 0 ||
	    !settings_list_read(control_fd, "checkpassword", lines, err))
		return false;
	return lines->count ? true
			    : err_exit(err, EX_CONFIG, "control/checkpassword: empty");
}

static bool attempt(struct err *err)
{
	AUTO_BUF packet_bytes = BUF_INIT(PACKET_MAX);
	char user[ACCOUNT_NAME_MAX], password[PASSWORD_MAX];
	struct settings_list lines = { 0 };
	struct auth_result result = { .verdict = AUTH_LATER };
	struct packet packet;
	struct auth_login asked;

	if (channel_wait(PRIVATE_FD, ASKED_MS, &packet_bytes, NULL) != CHANNEL_PACKET)
		return err_temporary(err, "", "nothing was asked");
	if (!packet_open(&packet, buf_span(&packet_bytes)) || packet.type != AUTH_LOGIN ||
	    !auth_login_get(&packet, &asked) ||
	    !packet_text_copy(asked.user, user, sizeof(user)) ||
	    !packet_text_copy(asked.password, password, sizeof(password)))
		return err_temporary(err, "", "lontar-auth sent nonsense");
	explicit_bzero(packet_bytes.data, packet_bytes.len);
	if (!read_setting(&lines, err) || !sandbox_no_network(err)) {
		settings_list_clear(&lines);
		return false;
	}
	result.verdict = try_it(lines.lines[0], user, password);
	settings_list_clear(&lines);
	explicit_bzero(password, sizeof(password));
	auth_result_put(&packet_bytes, 0, &result);
	return channel_send(PRIVATE_FD, &packet_bytes, -1, err);
}

int main(int argc, char **argv)
{
	static const struct args_option options[] = { { .name = NULL } };
	struct args args = { argc, argv };
	struct err err = { 0 };

	log_open("lontar-checkpw");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, on_alarm);
	if (!args_parse(&args, options, usage, &err) ||
	    !args_count(&args, 1, 1, usage, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	/* No core file and no debugger for who holds a password. */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	alarm(ATTEMPT_S);
	fcntl(MASTER_FD, F_SETFD, FD_CLOEXEC);
	fcntl(PRIVATE_FD, F_SETFD, FD_CLOEXEC);
	if (attempt(&err))
		return EX_OK;
	log_failure(&err);
	return err_exit_code(&err);
}
