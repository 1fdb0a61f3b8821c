/*
 * An error as a plain value: what the caller can do about it, a number and a sentence for the log.
 *
 * Functions that can fail take a `struct err *` as their last argument and write it only on failure.
 * Passing NULL is allowed everywhere. Nothing here allocates or logs; the message is for operators
 * and never goes to a client as it is.
 */
#ifndef SANDBOX_BASE_ERR_H
#define SANDBOX_BASE_ERR_H

enum err_kind {
	ERR_INPUT,    /* the request is wrong; the same one will never work */
	ERR_BUSY,     /* try again later */
	ERR_LIMIT,    /* a limit of this client or server stands in the way */
	ERR_GONE,     /* what was asked for does not exist (any more) */
	ERR_UPSTREAM, /* the Engine failed, refused or went away */
	ERR_INTERNAL, /* a bug, or no memory */
};

struct err {
	enum err_kind kind;
	int code; /* errno or an HTTP status, whatever the message names; 0 for none */
	char msg[192];
};

/* Fills *e (unless NULL); a message too long is cut. Always returns -1, for `return err_set(...)`. */
int err_set(struct err *e, enum err_kind kind, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts "context: " before the message of *e. Always returns -1. */
int err_wrap(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The kind's name in lower case, for logs. */
const char *err_kind_name(enum err_kind kind);

#endif
