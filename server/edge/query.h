/*
 * What the values in a request's query and headers mean to us. Pure: facts.c and handshake.c fetch them from the library.
 *
 * Whatever a client sends is either understood or becomes a value that is surely wrong; nothing is cut to something else that might be right.
 */
#ifndef SANDBOX_EDGE_QUERY_H
#define SANDBOX_EDGE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/access.h"

/* Copies a value; one that does not fit becomes one that no key, token or ticket can be. */
void query_keep(char *field, size_t size, const char *value);

/* A whole decimal number; one too large for 64 bits is the largest. fallback for everything else. */
int64_t query_number(const char *value, int64_t fallback);

/* Authorization: a Bearer token with the dots of a JWT (RFC 7515 section 3.1, RFC 7516 section 3.1) is facts->token, any other is
 * facts->key, unless that is there already. Other schemes are ignored. */
void query_read_authorization(const char *value, struct request_facts *facts);

/* The ticket. A client that does not expect a query in wsUrl puts "?api_key=KEY" behind it: taken as the key it means. */
void query_read_ticket(const char *value, struct request_facts *facts);

/* X-Forwarded-For: where facts->forwarded_for begins. What is too long is cut at a comma on the left, which nobody trusts. */
void query_read_forwarded_for(const char *list, struct request_facts *facts);

#endif
