/* What is spoken with a server (net/dial.h). */
#ifndef NET_PROTOCOL_H
#define NET_PROTOCOL_H

enum dial_protocol {
	DIAL_SMTP,
	DIAL_POP3, /* always with a login, */
	DIAL_IMAP, /* and so is this */
	DIAL_QMTP, /* neither side says a word first: only TCP, and TLS if it is implicit
		    */
};

#endif
