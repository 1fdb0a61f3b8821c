/* What is counted of the calls to an Engine, when it serves well, badly, late or not at all. */
#include <check.h>
#include <string.h>

#include "engine/docker_internal.h"
#include "engine/stream.h"
#include "fake_engine.h"
#include "suite.h"

#define ID         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"
#define UPGRADED   "HTTP/1.1 101 UPGRADED\r\n\r\n"

static unsigned done;

static void up(void)
{
	done = 0;
	fixture_up();
}

static void on_done(void *arg, const struct err *err)
{
	(void)arg;
	(void)err;
	done++;
}

static void on_id(void *arg, const char *id, const struct err *err)
{
	(void)id;
	on_done(arg, err);
}

static void on_list(void *arg, const struct docker_container *list, size_t count,
		    const struct err *err)
{
	(void)list;
	(void)count;
	on_done(arg, err);
}

static void on_event(void *arg, const struct docker_event *event)
{
	(void)arg;
	(void)event;
}

static void list(void)
{
	ck_assert_ptr_nonnull(docker_list(fx.docker, "a=b", "", on_list, NULL, NULL));
}

/* ok, error, timeout; and so many durations. */
static void expect(enum docker_verb verb, uint64_t ok, uint64_t error, uint64_t timeout)
{
	const struct docker_stats *s = docker_stats(fx.docker);

	ck_assert_uint_eq(s->requests[verb][DOCKER_OK], ok);
	ck_assert_uint_eq(s->requests[verb][DOCKER_ERROR], error);
	ck_assert_uint_eq(s->requests[verb][DOCKER_TIMEOUT], timeout);
	ck_assert_uint_eq(histogram_count(&s->durations[verb]), ok + error + timeout);
}

static uint64_t sum_of_all(void)
{
	const struct docker_stats *s = docker_stats(fx.docker);
	uint64_t sum = 0;

	for (size_t v = 0; v < DOCKER_VERBS; v++)
		sum += histogram_count(&s->durations[v]);
	return sum;
}

START_TEST(each_call_is_counted_under_its_verb)
{
	expect(DOCKER_VERSION, 1, 0, 0); /* the fixture's */
	fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
	docker_start(fx.docker, "x", on_done, NULL, NULL);
	run_until(&done, 1);
	fake_json(fx.engine, 200, "{\"Id\":\"sha256:" ID "\"}");
	docker_image(fx.docker, "a", on_id, NULL, NULL);
	run_until(&done, 2);
	expect(DOCKER_VERSION, 1, 0, 0);
	expect(DOCKER_START, 1, 0, 0);
	expect(DOCKER_IMAGE, 1, 0, 0);
	ck_assert_uint_eq(sum_of_all(), 3);
}
END_TEST

START_TEST(a_refusal_an_unreadable_answer_and_a_lost_connection_are_errors)
{
	fake_json(fx.engine, 500, "{\"message\":\"no\"}");
	list();
	run_until(&done, 1);
	expect(DOCKER_LIST, 0, 1, 0);
	fake_json(fx.engine, 200, "{\"not\":\"a list\"}");
	list();
	run_until(&done, 2);
	expect(DOCKER_LIST, 0, 2, 0);
	fake_reply(fx.engine,
		   (struct fake_reply){.data = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[",
				       .end = FAKE_CLOSE});
	list();
	run_until(&done, 3);
	expect(DOCKER_LIST, 0, 3, 0);
	fake_json(fx.engine, 200, "[]");
	list();
	run_until(&done, 4);
	expect(DOCKER_LIST, 1, 3, 0);
}
END_TEST

START_TEST(a_removal_that_somebody_else_has_done_or_does_is_none)
{
	fake_json(fx.engine, 404, "{\"message\":\"No such container\"}");
	docker_remove(fx.docker, "x", on_done, NULL, NULL);
	run_until(&done, 1);
	fake_json(fx.engine, 409, "{\"message\":\"already in progress\"}");
	docker_remove(fx.docker, "x", on_done, NULL, NULL);
	run_until(&done, 2);
	expect(DOCKER_REMOVE, 2, 0, 0);
	fake_json(fx.engine, 409, "{\"message\":\"the name is taken\"}");
	docker_start(fx.docker, "x", on_done, NULL, NULL);
	run_until(&done, 3);
	expect(DOCKER_START, 0, 1, 0);
}
END_TEST

START_TEST(an_engine_that_says_nothing_is_a_timeout_of_that_length)
{
	fx.docker->limit_per_mille = 20; /* of 2 s */
	fake_reply(fx.engine, (struct fake_reply){.data = NULL});
	list();
	run_until(&done, 1);
	expect(DOCKER_LIST, 0, 0, 1);
	ck_assert_uint_ge(docker_stats(fx.docker)->durations[DOCKER_LIST].sum_ns, 39000000);
}
END_TEST

START_TEST(calls_that_are_cancelled_and_subscriptions_are_not_counted)
{
	fake_reply(fx.engine, (struct fake_reply){.data = NO_CONTENT});
	docker_cancel(docker_start(fx.docker, "x", on_done, NULL, NULL));
	run_for_ms(20);
	fake_json(fx.engine, 200, "");
	docker_events(fx.docker, "a=b", on_event, on_done, NULL, NULL);
	run_until(&done, 1);
	ck_assert_uint_eq(sum_of_all(), 1); /* the fixture's */
}
END_TEST

/* --- attach --- */

static void on_open(void *arg)
{
	on_done(arg, NULL);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static const struct stream_events events = {
	.on_open = on_open, .on_data = on_data, .on_close = on_done};

static struct stream *attach(struct fake_reply reply)
{
	fake_reply(fx.engine, reply);
	return stream_open(fx.docker, "x", &events, NULL, NULL);
}

START_TEST(an_attach_counts_when_it_is_open_whatever_comes_of_it_then)
{
	attach((struct fake_reply){.data = UPGRADED, .end = FAKE_CLOSE});
	run_until(&done, 2);
	expect(DOCKER_ATTACH, 1, 0, 0);
	struct stream *s = attach((struct fake_reply){.data = UPGRADED});
	run_until(&done, 3);
	stream_close(s);
	run_for_ms(5);
	expect(DOCKER_ATTACH, 2, 0, 0);
}
END_TEST

START_TEST(an_attach_that_is_refused_late_or_given_up)
{
	attach((struct fake_reply){
		.data = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"});
	run_until(&done, 1);
	expect(DOCKER_ATTACH, 0, 1, 0);
	fx.docker->limit_per_mille = 2;
	attach((struct fake_reply){.data = NULL});
	run_until(&done, 2);
	expect(DOCKER_ATTACH, 0, 1, 1);
	stream_close(attach((struct fake_reply){.data = UPGRADED}));
	run_for_ms(5);
	expect(DOCKER_ATTACH, 0, 1, 1);
}
END_TEST

START_TEST(verbs_and_outcomes_have_names_of_their_own)
{
	for (enum docker_verb v = 0; v <= DOCKER_VERBS; v++)
		for (enum docker_verb w = 0; w < v; w++)
			ck_assert_str_ne(docker_verb_name(v), docker_verb_name(w));
	ck_assert_str_eq(docker_verb_name(DOCKER_REMOVE), "remove");
	ck_assert_str_eq(docker_outcome_name(DOCKER_OK), "ok");
	ck_assert_str_eq(docker_outcome_name(DOCKER_TIMEOUT), "timeout");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("docker_stats");
	TCase *tc = tcase_create("docker_stats");

	tcase_add_checked_fixture(tc, up, fixture_down);
	tcase_add_test(tc, each_call_is_counted_under_its_verb);
	tcase_add_test(tc, a_refusal_an_unreadable_answer_and_a_lost_connection_are_errors);
	tcase_add_test(tc, a_removal_that_somebody_else_has_done_or_does_is_none);
	tcase_add_test(tc, an_engine_that_says_nothing_is_a_timeout_of_that_length);
	tcase_add_test(tc, calls_that_are_cancelled_and_subscriptions_are_not_counted);
	tcase_add_test(tc, an_attach_counts_when_it_is_open_whatever_comes_of_it_then);
	tcase_add_test(tc, an_attach_that_is_refused_late_or_given_up);
	tcase_add_test(tc, verbs_and_outcomes_have_names_of_their_own);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
