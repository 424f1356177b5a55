#include "client_play.h"

static const struct row rows[] = {
	{ .title = "with CHUNKING nobody waits for anything",
	  .offer = ALL,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 2.0.0 taken\n", "" },
			 { "250 ok\n250 ok\n250 2.0.0 taken\n", "" } },
	  .results = "0 +2.0.0 1 +2.0.0 " },
	{ .title = "no more than the window is in doubt",
	  .offer = ALL,
	  .messages = 2,
	  .window = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n",
			   "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			   "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 +2.0.0 1 +2.0.0 " },
	{ .title = "a large body waits for its recipients",
	  .offer = ALL,
	  .messages = 1,
	  .bytes = 50000,
	  .exchanges = { { "", "MAIL FROM:<me@office> SIZE=50000\nRCPT TO:<you@far>\n" },
			 { "250 ok\n250 ok\n", "BDAT 50000 LAST\n[body]\n" },
			 { "250 ok\n", "" } },
	  .results = "0 +2.0.0 " },
	{ .title =
		  "a large body that nobody may have is not sent, and the sender forgotten",
	  .offer = ALL,
	  .messages = 2,
	  .bytes = 50000,
	  .exchanges = { { "", "MAIL FROM:<me@office> SIZE=50000\nRCPT TO:<you@far>\n" },
			 { "250 ok\n550 5.1.1 no\n",
			   "RSET\nMAIL FROM:<me@office> SIZE=50000\nRCPT TO:<you@far>\n" },
			 { "250 ok\n250 ok\n250 ok\n", "BDAT 50000 LAST\n[body]\n" },
			 { "250 ok\n", "" } },
	  .results = "0 -5.1.1 1 +2.0.0 " },
	{ .title =
		  "a BDAT refused because all recipients were is the recipients' refusal",
	  .offer = ALL,
	  .messages = 1,
	  .recipients = { "a@far", "b@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<a@far>\nRCPT TO:<b@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n550 5.1.1 no\n450 4.2.0 later\n503 5.5.1 what?\n",
			   "" } },
	  .results = "0 -5.1.1~4.2.0 " },
	{ .title = "a message is begun anew when the server still had the last sender",
	  .offer = ALL,
	  .messages = 3,
	  .window = 2,
	  .exchanges = { { "",
			   "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nBDAT 100 LAST\n[body]\n"
			   "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			   "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n550 5.1.1 no\n503 5.5.1 no\n",
			   "RSET\nMAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			   "BDAT 100 LAST\n[body]\n" },
			 { "503 5.5.1 sender already given\n503 no\n503 no\n", "" },
			 { "250 ok\n250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 -5.1.1 1 ~5.5.1@mail again 2 +2.0.0 " },
	{ .title = "a server known to keep senders gets RSET between messages",
	  .offer = ALL,
	  .messages = 2,
	  .keeps_sender = true,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "RSET\nMAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" },
			 { "250 reset\n250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 +2.0.0 1 +2.0.0 " },
	{ .title = "without CHUNKING the next envelope rides behind the dot",
	  .offer = PIPELINE,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 ok\n250 ok\n354 go\n",
			   "[dotted]\n.\nMAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 taken\n250 ok\n250 ok\n354 go\n", "[dotted]\n.\n" },
			 { "250 taken\n", "" } },
	  .results = "0 +2.0.0 1 +2.0.0 " },
	{ .title = "354 though nobody is to get it is answered with a lone dot",
	  .offer = PIPELINE,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 ok\n550 5.1.1 no\n354 go\n",
			   ".\nMAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 an empty message, taken\n250 ok\n250 ok\n354 go\n",
			   "[dotted]\n.\n" },
			 { "250 ok\n", "" } },
	  .results = "0 -5.1.1 1 +2.0.0 " },
	{ .title = "DATA refused is the refusal of the recipients that were taken",
	  .offer = PIPELINE,
	  .messages = 2,
	  .recipients = { "a@far", "b@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<a@far>\nRCPT TO:<b@far>\n"
			       "DATA\n" },
			 { "250 ok\n250 ok\n550 5.1.1 no\n451 4.3.1 full\n",
			   "RSET\nMAIL FROM:<me@office>\nRCPT TO:<a@far>\n"
			   "RCPT TO:<b@far>\nDATA\n" },
			 { "250 ok\n250 ok\n250 ok\n250 ok\n354 go\n", "[dotted]\n.\n" },
			 { "552 5.3.4 too much\n", "" } },
	  .results = "0 ~4.3.1@data-5.1.1 1 -5.3.4@body-5.3.4@body " },
	{ .title = "a plain server gets one command at a time",
	  .offer = "",
	  .messages = 2,
	  .recipients = { "a@far", "b@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\n" },
			 { "250 ok\n", "RCPT TO:<a@far>\n" },
			 { "550 no\n", "RCPT TO:<b@far>\n" },
			 { "250 ok\n", "DATA\n" },
			 { "354 go\n", "[dotted]\n.\n" },
			 { "250 ok\n", "MAIL FROM:<me@office>\n" },
			 { "250 ok\n", "RCPT TO:<a@far>\n" },
			 { "550 no\n", "RCPT TO:<b@far>\n" },
			 { "450 no\n", "" } },
	  .results = "0 -5.0.0+2.0.0 1 -5.0.0~4.0.0 " },
	{ .title = "a refused sender costs a plain server no more commands",
	  .offer = "",
	  .messages = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\n" }, { "550 5.7.1 no\n", "" } },
	  .results = "0 -5.7.1@mail " },
	{ .title = "a refused sender is what each recipient hears",
	  .offer = ALL,
	  .messages = 1,
	  .recipients = { "a@far", "b@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<a@far>\nRCPT TO:<b@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "451 4.7.1 wait\n503 no\n503 no\n503 no\n", "" } },
	  .results = "0 ~4.7.1@mail~4.7.1@mail " },
	{ .title = "an address with letters beyond ASCII needs SMTPUTF8",
	  .offer = ALL,
	  .messages = 1,
	  .sender = "j\xc3\xb6rg@office",
	  .exchanges = { { "", "MAIL FROM:<j\xc3\xb6rg@office> SMTPUTF8\n"
			       "RCPT TO:<you@far>\nBDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 +2.0.0 " },
	{ .title = "and is refused here where that is not offered",
	  .offer = PIPELINE,
	  .messages = 1,
	  .sender = "j\xc3\xb6rg@office",
	  .exchanges = { { "", "" } },
	  .results = "0 -5.6.7 " },
	{ .title = "a message above the server's SIZE is asked about, and its body waits",
	  .offer = "PIPELINING CHUNKING SIZE=70000",
	  .messages = 1,
	  .bytes = 70001,
	  .window_bytes = 1000000,
	  .exchanges = { { "", "MAIL FROM:<me@office> SIZE=70001\nRCPT TO:<you@far>\n" },
			 { "552 5.3.4 too large\n503 no\n", "" } },
	  .results = "0 -5.3.4@mail " },
	{ .title = "and goes if the server takes it all the same",
	  .offer = "PIPELINING CHUNKING SIZE=70000",
	  .messages = 1,
	  .bytes = 70001,
	  .window_bytes = 1000000,
	  .exchanges = { { "", "MAIL FROM:<me@office> SIZE=70001\nRCPT TO:<you@far>\n" },
			 { "250 ok\n250 ok\n", "BDAT 70001 LAST\n[body]\n" },
			 { "250 ok\n", "" } },
	  .results = "0 +2.0.0 " },
	{ .title = "a SIZE of a hundred bytes keeps no message back",
	  .offer = "PIPELINING CHUNKING SIZE=100",
	  .messages = 1,
	  .bytes = 40000,
	  .window_bytes = 1000000,
	  .exchanges = { { "", "MAIL FROM:<me@office> SIZE=40000\nRCPT TO:<you@far>\n"
			       "BDAT 40000 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 +2.0.0 " },
	{ .title = "the last line's code decides about the body",
	  .offer = ALL,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250-scanned\n554 5.7.1 virus\n", "" },
			 { "250 ok\n250 ok\n554-careful\n250 taken\n", "" } },
	  .results = "0 -5.7.1@body 1 +2.0.0 " },
	{ .title = "a sender that needs quotes gets them",
	  .offer = ALL,
	  .messages = 1,
	  .sender = "two words@office",
	  .exchanges = { { "", "MAIL FROM:<\"two words\"@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 +2.0.0 " },
};

static void conversation(void **state)
{
	converse(&rows[(uintptr_t)*state]);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = conversation;
		tests[i].initial_state = (void *)i;
	}
	return cmocka_run_group_tests_name("smtp client", tests, NULL, NULL);
}
