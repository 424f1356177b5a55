/* What a status code means to somebody who only wanted to send a letter. */
#ifndef MAIL_DSN_WORDS_H
#define MAIL_DSN_WORDS_H

/* A sentence for an RFC 3463 status ("5.1.1"), whatever its class; never NULL. */
const char *dsn_words(const char *status);

#endif
