#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "edge/control_queue.h"
#include "suite.h"

static struct fifo queue;
static uint8_t text[CONTROL_MESSAGE_MAX];

static void set_up(void)
{
	fifo_init(&queue, CONTROL_QUEUE_MAX);
}

static void tear_down(void)
{
	fifo_finish(&queue);
}

START_TEST(messages_come_out_whole_and_in_order)
{
	static const char *const messages[] = {"{}", "", "{\"type\":\"exit\",\"code\":0}"};

	for (int i = 0; i < 3; i++)
		ck_assert(control_queue_push(&queue, messages[i]));
	for (int i = 0; i < 3; i++) {
		size_t len = control_queue_take(&queue, text);
		ck_assert_uint_eq(len, strlen(messages[i]));
		ck_assert_int_eq(memcmp(text, messages[i], len), 0);
	}
	ck_assert_uint_eq(queue.len, 0);
}
END_TEST

START_TEST(what_does_not_fit_leaves_the_others_alone)
{
	char *large = calloc(1, CONTROL_MESSAGE_MAX + 2);

	ck_assert(!control_queue_push(&queue, NULL));
	ck_assert(control_queue_push(&queue, "first"));
	memset(large, 'x', CONTROL_MESSAGE_MAX + 1);
	ck_assert(!control_queue_push(&queue, large));
	large[CONTROL_QUEUE_MAX - 4 - 4 - strlen("first")] = '\0';
	ck_assert(control_queue_push(&queue, large));
	ck_assert_uint_eq(fifo_room(&queue), 0);
	ck_assert(!control_queue_push(&queue, ""));
	ck_assert_uint_eq(control_queue_take(&queue, text), strlen("first"));
	ck_assert_uint_eq(control_queue_take(&queue, text), strlen(large));
	ck_assert_int_eq(memcmp(text, large, strlen(large)), 0);
	free(large);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_queue");
	TCase *tc = tcase_create("control_queue");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, messages_come_out_whole_and_in_order);
	tcase_add_test(tc, what_does_not_fit_leaves_the_others_alone);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
