#include "session/limiter_internal.h"

struct parties parties_gather(struct table *t, const struct client *client, uint64_t now_ms)
{
	struct parties p = {
		.table = t, .client = client, .now_ms = now_ms, .count = client->has_site ? 2 : 1};

	for (size_t i = 0; i < p.count; i++) {
		p.limits[i] = &t->limits[i][client->tier];
		p.records[i] = table_find(t, i ? &client->site : &client->key, i);
		if (p.records[i])
			table_take(t, p.records[i]);
	}
	return p;
}

bool parties_complete(struct parties *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct client_key *key = i ? &p->client->site : &p->client->key;

		if (!p->records[i])
			p->records[i] = table_add(p->table, key, i, p->now_ms);
		if (!p->records[i])
			return false;
	}
	return true;
}

void parties_settle(struct parties *p)
{
	for (size_t i = 0; i < p->count; i++) {
		if (!p->records[i])
			continue;
		p->records[i]->tiers |= (uint8_t)(1u << p->client->tier);
		table_place(p->table, p->records[i], p->now_ms);
	}
}

static bool is_full(uint32_t held, int64_t limit)
{
	return limit && held >= limit;
}

bool parties_at_session_limit(const struct parties *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->records[i] && is_full(p->records[i]->sessions, p->limits[i]->sessions))
			return true;
	return false;
}

bool parties_at_websocket_limit(const struct parties *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->records[i] && is_full(p->records[i]->websockets, p->limits[i]->websockets))
			return true;
	return false;
}

uint64_t parties_hour_wait_ms(const struct parties *p)
{
	uint64_t longest_ms = 0;

	for (size_t i = 0; i < p->count; i++) {
		size_t limit = (size_t)p->limits[i]->sessions_per_hour;

		if (!p->records[i] || !limit)
			continue;
		uint64_t wait_ms =
			window_wait_ms(&p->records[i]->starts, &p->table->memory, limit, p->now_ms);
		longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
	}
	return longest_ms;
}

bool parties_reserve_start(struct parties *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (!table_reserve_start(p->table, p->records[i], p->now_ms))
			return false;
	return true;
}

void parties_charge_session(struct parties *p)
{
	for (size_t i = 0; i < p->count; i++) {
		window_add(&p->records[i]->starts, p->now_ms, p->table->keep[i]);
		p->records[i]->sessions++;
	}
}

size_t parties_commands_room(const struct parties *p, size_t count)
{
	static const struct rate unused = {0};

	for (size_t i = 0; i < p->count; i++) {
		size_t limit = (size_t)p->limits[i]->commands_per_minute;
		const struct rate *rate = p->records[i] ? &p->records[i]->commands : &unused;
		size_t room = limit ? rate_room(rate, limit, p->now_ms) : count;

		count = room < count ? room : count;
	}
	return count;
}

uint64_t parties_commands_wait_ms(const struct parties *p)
{
	uint64_t longest_ms = 1;

	for (size_t i = 0; i < p->count; i++) {
		size_t limit = (size_t)p->limits[i]->commands_per_minute;

		if (!p->records[i] || !limit)
			continue;
		uint64_t wait_ms = rate_wait_ms(&p->records[i]->commands, limit, p->now_ms);
		longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
	}
	return longest_ms;
}

bool parties_charge_commands(struct parties *p, size_t count)
{
	size_t limit;

	if (!p->limits[0]->commands_per_minute)
		return true; /* and none for its site */
	if (!parties_complete(p))
		return false;
	for (size_t i = 0; i < p->count; i++) {
		limit = (size_t)p->limits[i]->commands_per_minute;
		rate_charge(&p->records[i]->commands, limit, count, p->now_ms);
	}
	return true;
}
