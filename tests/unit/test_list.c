#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
    int number;
    struct list_node node;
};

// The list must hold exactly these numbers, in this order, walked in both directions.
static void assert_numbers(const struct list_node *list, const int *numbers, size_t count) {
    const struct list_node *node = list;
    for (size_t i = 0; i < count; i++) {
        node = node->next;
        assert_ptr_not_equal(node, list);
        assert_int_equal(LIST_ENTRY(node, struct item, node)->number, numbers[i]);
    }
    assert_ptr_equal(node->next, list);
    for (size_t i = count; i > 0; i--) {
        assert_int_equal(LIST_ENTRY(node, struct item, node)->number, numbers[i - 1]);
        node = node->previous;
    }
    assert_ptr_equal(node, list);
    assert_ptr_equal(list->next->previous, list);
}

static void test_a_new_list_is_empty(void **state) {
    (void)state;
    struct list_node list;
    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_numbers(&list, NULL, 0);
}

static void test_push_first_and_last(void **state) {
    (void)state;
    struct list_node list;
    list_init(&list);
    struct item items[] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    list_push_first(&list, &items[1].node);
    assert_false(list_is_empty(&list));
    list_push_last(&list, &items[2].node);
    list_push_first(&list, &items[0].node);
    list_push_last(&list, &items[3].node);
    assert_numbers(&list, (int[]){0, 1, 2, 3}, 4);
}

static void test_remove_at_each_place(void **state) {
    (void)state;
    struct list_node list;
    list_init(&list);
    struct item items[] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    for (size_t i = 0; i < 4; i++) {
        list_push_last(&list, &items[i].node);
    }
    list_remove(&items[1].node);
    assert_numbers(&list, (int[]){0, 2, 3}, 3);
    list_remove(&items[3].node);
    assert_numbers(&list, (int[]){0, 2}, 2);
    list_remove(&items[0].node);
    assert_numbers(&list, (int[]){2}, 1);
    list_remove(&items[2].node);
    assert_true(list_is_empty(&list));
}

static void test_a_removed_node_may_be_removed_again_and_pushed_again(void **state) {
    (void)state;
    struct list_node list;
    list_init(&list);
    struct item first = {.number = 1};
    struct item second = {.number = 2};
    list_push_last(&list, &first.node);
    list_push_last(&list, &second.node);
    list_remove(&first.node);
    list_remove(&second.node);
    list_remove(&first.node); // must not bring back its old neighbour
    assert_numbers(&list, NULL, 0);
    list_push_last(&list, &second.node);
    list_push_last(&list, &first.node);
    assert_numbers(&list, (int[]){2, 1}, 2);
}

static void test_removing_a_node_of_no_list_changes_nothing(void **state) {
    (void)state;
    struct item lonely = {.number = 1};
    list_init(&lonely.node);
    list_remove(&lonely.node);
    assert_true(list_is_empty(&lonely.node));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_list_is_empty),
        cmocka_unit_test(test_push_first_and_last),
        cmocka_unit_test(test_remove_at_each_place),
        cmocka_unit_test(test_a_removed_node_may_be_removed_again_and_pushed_again),
        cmocka_unit_test(test_removing_a_node_of_no_list_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
