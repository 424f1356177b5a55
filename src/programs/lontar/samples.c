#include "programs/lontar/samples.h"

#include <assert.h>

#include "base/attr.h"

/* X(symbol, file below control/) */
#define SAMPLES(X)                                    \
	X(me, "me")                                   \
	X(locals, "locals")                           \
	X(rcpthosts, "rcpthosts")                     \
	X(smtproutes, "smtproutes")                   \
	X(senderroutes, "senderroutes")               \
	X(rewrites, "rewrites")                       \
	X(replies, "replies")                         \
	X(virtualdomains, "virtualdomains")           \
	X(databytes, "databytes")                     \
	X(badmailfrom, "badmailfrom")                 \
	X(defaultdomain, "defaultdomain")             \
	X(plusdomain, "plusdomain")                   \
	X(concurrencyincoming, "concurrencyincoming") \
	X(concurrencyperip, "concurrencyperip")       \
	X(connectrate, "connectrate")                 \
	X(concurrencylocal, "concurrencylocal")       \
	X(concurrencyremote, "concurrencyremote")     \
	X(timeoutlocal, "timeoutlocal")               \
	X(defaultdelivery, "defaultdelivery")         \
	X(systemusers, "systemusers")                 \
	X(queuelifetime, "queuelifetime")             \
	X(queueceiling, "queueceiling")               \
	X(delaynotice, "delaynotice")                 \
	X(priorities, "priorities")                   \
	X(uncertainwait, "uncertainwait")             \
	X(bouncefrom, "bouncefrom")                   \
	X(bouncehost, "bouncehost")                   \
	X(doublebounceto, "doublebounceto")           \
	X(timeoutsmtpd, "timeoutsmtpd")               \
	X(helohost, "helohost")                       \
	X(smtpgreeting, "smtpgreeting")               \
	X(tcp_smtp, "tcp.smtp")                       \
	X(plainnets, "plainnets")                     \
	X(aliases, "aliases")                         \
	X(accounts, "accounts")                       \
	X(checkpassword, "checkpassword")             \
	X(qmailqueue, "qmailqueue")                   \
	X(listen, "listen")                           \
	X(smarthost, "smarthosts/example")            \
	X(postmaster, "alias/.qmail-postmaster")

/* The assembler reads the file; make runs at the top of the tree. */
#define INCLUDE(symbol, file)                      \
	__asm__(".section .rodata\n"               \
		".global sample_" #symbol "\n"     \
		"sample_" #symbol ":\n"            \
		".incbin \"control/" file "\"\n"   \
		".global sample_" #symbol "_end\n" \
		"sample_" #symbol "_end:\n"        \
		".byte 0\n"                        \
		".previous\n");                    \
	extern const char sample_##symbol[], sample_##symbol##_end[];

SAMPLES(INCLUDE)

#define ROW(symbol, file) { file, sample_##symbol, sample_##symbol##_end },
static const struct sample samples[] = { SAMPLES(ROW) };

const struct sample *sample_at(size_t i)
{
	return i < LENGTH(samples) ? &samples[i] : NULL;
}

struct span sample_text(const char *name)
{
	for (size_t i = 0; i < LENGTH(samples); i++)
		if (strcmp(samples[i].name, name) == 0)
			return (struct span){ samples[i].begin,
					      (size_t)(samples[i].end -
						       samples[i].begin) };
	assert(!"a sample that is built in");
	return (struct span){ "", 0 };
}
