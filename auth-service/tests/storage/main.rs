//! What the stores promise (the traits of the domain say it), run on every store against real servers.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise, and its message is the error")]

mod imports;
mod outages;
mod promises;
mod samples;
mod servers;
mod state;

/// Runs promises of a topic on a store.
macro_rules! run {
    ($topic:ident on $open:path: $($promise:ident)*) => {
        mod $topic {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let store = $open().await;
                    crate::promises::$topic::$promise(&*store).await;
                }
            )*
        }
    };
}

/// Runs all promises of a topic on a store. A promise that is missing here is unused code, and no test run passes.
macro_rules! keeps {
    (accounts on $open:path) => {
        run! { accounts on $open:
            an_account_is_found_by_address_and_by_id
            whatever_a_name_or_a_claim_holds_comes_back
            two_accounts_cannot_have_one_address
            of_many_registrations_with_one_address_one_succeeds
            raised_epochs_rise_strictly_whatever_the_clock_says
            of_many_that_raise_the_epoch_they_saw_one_does
            raising_the_epoch_spares_no_session
            raising_all_epochs_reaches_every_user
            a_password_changes_only_from_the_one_that_was_seen
            what_a_check_allowed_is_not_written_after_what_was_checked_has_ended
            a_password_change_and_an_end_of_all_sessions_at_once_spare_nobody_who_was_ended
            an_account_is_deleted_only_as_it_was_checked
            the_database_tells_the_time
            of_many_that_change_the_same_password_one_does
            another_hash_of_the_same_password_ends_nothing
            a_session_ends_by_name_and_alone
            a_theft_ends_what_it_should_and_is_told_together
            a_theft_that_cannot_be_told_ends_nothing
            what_has_ended_is_remembered_until_the_later_moment
            ended_sessions_are_forgotten_in_bounded_batches
            pages_follow_one_another_in_the_order_of_ids
            the_search_is_literal_and_knows_no_case
            a_search_goes_on_from_page_to_page_whatever_its_length
            a_set_password_ends_all_sessions_whatever_it_was
            trying_it_out_leaves_nothing_behind
            an_admin_changes_what_is_named_and_nothing_else
            disabling_a_user_raises_the_epoch
            every_unlocking_is_counted_and_changes_nothing_else
            a_deleted_user_is_gone_and_the_address_free
            a_role_is_held_by_its_whole_name
            what_was_decided_on_another_state_changes_nothing
            of_many_that_change_one_user_as_seen_one_does
            of_two_that_rely_on_each_other_one_can_go
            another_enabled_user_with_certain_roles_is_found
            holders_of_roles_are_counted
            hashes_that_are_not_as_new_ones_are_found
        }
    };
    (audit on $open:path) => {
        run! { audit on $open:
            events_come_back_as_they_were_the_newest_first
            events_are_found_by_each_condition
            an_event_that_is_noted_again_is_there_once
            the_incidents_of_a_user_are_thefts_and_what_may_be_one
            pages_of_events_follow_one_another
            old_events_are_forgotten_in_bounded_batches
        }
    };
    (sessions on $open:path) => {
        run! { sessions on $open:
            what_was_committed_is_read_back_to_the_letter
            what_was_never_committed_reads_as_none_with_the_time
            a_decision_that_is_too_old_changes_nothing
            a_first_commit_does_not_overwrite
            a_later_commit_does_not_begin
            a_commit_that_expects_another_record_changes_nothing
            of_many_first_commits_one_is_done
            of_many_commits_that_expect_the_same_one_is_done
            no_update_is_lost_among_writers_who_try_again
            an_expired_session_reads_as_none_and_its_place_is_free
            a_session_that_is_over_when_it_is_written_reads_as_none
            a_removed_session_is_gone_and_its_place_free
            all_but_one_are_removed_and_of_one_user_only
            the_sessions_of_a_user_are_listed_without_the_expired
            forgetting_what_has_expired_forgets_nothing_else
            a_call_that_is_given_up_harms_no_other
            a_store_that_is_not_nearly_full_has_room
            it_can_be_reached
        }
    };
    (counters on $open:path) => {
        run! { counters on $open:
            a_counter_counts_from_one_and_reading_adds_nothing
            counters_are_told_apart_and_answered_in_order
            no_addition_is_lost
            a_window_does_not_slide_and_ends
            no_counters_are_no_question
            forgetting_what_is_over_forgets_nothing_else
        }
    };
    (key_table on $open:path) => {
        run! { key_table on $open:
            an_empty_table_still_tells_the_time
            a_key_is_published_now_and_active_after_its_lead
            a_slot_is_filled_once
            of_many_that_fill_a_slot_all_read_the_same_key
            keys_come_in_the_order_of_their_slots
            a_key_is_hastened_and_never_delayed
            a_revoked_key_stays_revoked_since_then
            the_longest_life_of_a_token_is_noted
            a_key_is_sealed_anew_only_from_what_was_seen
            a_forgotten_key_is_gone
            a_fact_is_the_first_that_was_written
            a_fact_is_replaced_only_from_what_was_seen
        }
    };
}

mod sqlite {
    keeps! { accounts on crate::servers::sqlite }
    keeps! { audit on crate::servers::sqlite }
    keeps! { sessions on crate::servers::sqlite }
    keeps! { counters on crate::servers::sqlite }
    keeps! { key_table on crate::servers::sqlite }
    mod file;
}

mod postgres {
    keeps! { accounts on crate::servers::postgres }
    keeps! { audit on crate::servers::postgres }
    keeps! { sessions on crate::servers::postgres }
    keeps! { counters on crate::servers::postgres }
    keeps! { key_table on crate::servers::postgres }
    mod pooler;
    mod search;
    mod start;
}

mod redis {
    keeps! { sessions on crate::servers::redis }
    keeps! { counters on crate::servers::redis }
    mod addresses;
    mod foreign;
    mod keys;
}

mod redis_cluster {
    keeps! { sessions on crate::servers::redis_cluster }
    keeps! { counters on crate::servers::redis_cluster }
}
