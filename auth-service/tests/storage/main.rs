//! The promises of the stores, as the domain's traits state them, run on every store against real servers.

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
            names_and_claims_are_read_back_whatever_they_hold
            two_accounts_cannot_have_one_address
            one_of_many_concurrent_registrations_of_an_address_succeeds
            a_password_is_changed_only_from_the_one_that_was_read
            a_change_that_a_check_allowed_is_not_written_after_the_session_has_ended
            a_password_change_spares_no_session_that_ends_at_the_same_time
            an_account_is_deleted_only_if_it_is_as_it_was_checked
            the_database_tells_the_time
            one_of_many_concurrent_changes_of_a_password_succeeds
            another_hash_of_the_same_password_ends_nothing
            setting_a_password_ends_all_sessions_whatever_it_was_before
            probing_the_store_leaves_nothing_behind
            an_update_changes_what_is_given_and_nothing_else
            disabling_a_user_raises_the_epoch
            every_unlock_is_counted_and_changes_nothing_else
            a_deleted_user_is_gone_and_the_address_free
            roles_are_matched_by_their_whole_names
            a_decision_on_an_outdated_state_changes_nothing
            one_of_many_concurrent_changes_of_a_user_as_seen_succeeds
            of_two_users_that_rely_on_each_other_only_one_can_go
            another_enabled_user_with_certain_roles_is_found
            holders_of_roles_are_counted
            hashes_unlike_new_ones_are_found
        }
    };
    (transfer on $open:path) => {
        run! { transfer on $open:
            users_are_added_with_all_that_is_known_of_them
            whoever_collides_with_a_user_is_not_added_and_changes_nothing
            an_overwritten_user_keeps_the_password_and_the_time_of_registration
            a_verified_address_is_so_since_the_import_and_another_one_only_if_the_arrival_says_so
            everybody_is_read_in_stretches
        }
    };
    (listing on $open:path) => {
        run! { listing on $open:
            pages_follow_one_another_in_the_order_of_ids
            the_search_is_literal_and_ignores_case
            other_conditions_hold_beside_any_search_text
            a_search_text_of_any_length_can_be_paged_through
        }
    };
    (endings on $open:path) => {
        run! { endings on $open:
            raised_epochs_rise_strictly_whatever_the_clock_says
            one_of_many_concurrent_raises_of_the_same_epoch_succeeds
            raising_the_epoch_spares_no_session
            raising_all_epochs_reaches_every_user
            ending_a_session_by_its_id_ends_no_other
            a_theft_and_its_audit_event_are_written_together
            a_theft_that_cannot_be_recorded_ends_nothing
            an_ending_is_remembered_until_the_latest_moment_given
            ended_sessions_are_forgotten_in_bounded_batches
        }
    };
    (endings_log on $open:path) => {
        run! { endings_log on $open:
            every_way_to_end_something_writes_its_ending
            what_changes_rights_is_in_the_log_and_what_does_not_is_not
            ending_everything_is_one_ending_however_many_users_there_are
            a_user_who_is_created_again_under_the_same_id_begins_after_what_has_ended
            numbers_rise_are_at_least_the_time_and_are_given_once
            numbers_rise_also_when_everything_has_been_forgotten
            an_ending_is_kept_until_the_last_token_that_it_names_has_expired
            a_revoked_token_has_ended_and_its_session_goes_on
            trying_out_the_database_writes_no_ending
            whatever_happens_the_log_refuses_exactly_the_tokens_that_the_service_refuses
        }
    };
    (proofs on $open:path) => {
        run! { proofs on $open:
            a_proof_is_read_back_until_it_expires
            a_mail_is_added_with_its_proof_only_if_it_is_to_be_sent
            asking_again_replaces_the_payload_and_keeps_the_count_of_tries
            no_number_of_parallel_tries_exceeds_the_limit
            of_many_changes_by_one_proof_exactly_one_is_made
            a_reset_raises_the_epoch_verifies_the_address_and_makes_other_proofs_worthless
            a_proof_of_a_user_who_was_disabled_or_deleted_changes_nothing
            a_registration_creates_a_verified_account_once_and_only_if_the_address_is_free
            one_of_many_concurrent_confirmed_registrations_of_an_address_succeeds
            verifying_an_address_changes_nothing_else
            expired_proofs_are_forgotten_in_batches
            a_change_of_address_keeps_the_way_back_and_spends_other_changes
            an_address_is_not_changed_on_outdated_grounds
            an_address_is_given_back_whatever_was_changed_since
            of_several_ways_back_a_later_one_does_not_close_an_earlier_one
            an_address_that_may_be_given_back_is_nobody_elses
            a_login_by_code_removes_the_password_of_an_address_that_was_never_verified
            an_address_that_somebody_else_has_by_now_is_not_given_back
            a_second_address_is_set_in_the_epoch_in_which_it_was_asked_for
            an_invitation_replaces_the_one_before_and_is_listed_until_it_is_revoked
            a_user_is_created_by_an_invitation_only_while_the_admin_is_as_seen
        }
    };
    (factors on $open:path) => {
        run! { factors on $open:
            an_app_is_a_factor_once_it_is_confirmed
            of_many_parallel_uses_of_a_step_one_succeeds
            of_many_parallel_uses_of_a_recovery_code_one_succeeds
            new_recovery_codes_void_those_of_before
            wrong_tries_are_refused_beyond_the_limit_until_the_window_is_over
            after_a_hundred_wrong_codes_in_a_row_an_app_rests_until_a_recovery_code
            removing_the_last_factor_removes_recovery_codes
            a_factor_is_changed_only_while_the_user_stands_as_read
            an_admin_removes_everything_at_once
            a_deleted_user_leaves_no_factors
            what_another_secret_has_sealed_is_found_and_replaced
            a_change_whose_mail_cannot_be_written_leaves_the_factor
        }
    };
    (passkeys on $open:path) => {
        run! { passkeys on $open:
            a_passkey_is_read_back_unchanged
            a_passkey_is_added_with_its_event_and_mails_or_not_at_all
            a_credential_is_a_passkey_of_one_user_only
            no_number_of_parallel_additions_exceeds_the_most
            a_challenge_adds_one_passkey_however_many_come_at_once
            a_session_that_has_ended_changes_no_passkeys
            one_use_of_a_challenge_is_noted_however_many_come_at_once
            a_use_is_noted_with_its_time_and_state
            the_counter_of_a_passkey_never_goes_back
            a_passkey_is_renamed_by_its_user_only
            the_last_way_in_is_never_removed
            answered_challenges_are_forgotten_in_batches
        }
    };
    (audit on $open:path) => {
        run! { audit on $open:
            events_are_read_back_unchanged_the_newest_first
            events_are_found_by_each_condition
            an_event_that_is_recorded_again_is_stored_once
            the_incidents_of_a_user_are_thefts_and_possible_thefts
            pages_of_events_follow_one_another
            old_events_are_forgotten_in_bounded_batches
        }
    };
    (outbox on $open:path) => {
        run! { outbox on $open:
            a_mail_is_leased_unchanged_and_by_one_at_a_time
            concurrent_leases_share_no_mail_and_leave_none
            a_mail_whose_lease_has_ended_is_leased_again
            new_mails_come_before_those_that_were_put_off
            a_delivered_mail_is_gone
            a_mail_that_is_put_off_is_due_later_and_says_why
            whoever_has_lost_a_lease_changes_nothing
            of_settled_mails_only_those_in_the_mailbox_keep_their_content
            settled_mails_are_forgotten_and_the_mailbox_keeps_the_newest
            a_mail_is_written_with_its_change_and_never_without
            a_theft_and_its_mail_are_written_together
            a_change_whose_mail_cannot_be_written_is_not_made
        }
    };
    (sessions on $open:path) => {
        run! { sessions on $open:
            a_committed_record_is_read_back_byte_for_byte
            an_unknown_session_reads_as_none_with_the_time
            a_decision_that_is_too_old_changes_nothing
            a_first_commit_does_not_overwrite
            a_commit_that_expects_a_record_does_not_begin_a_session
            a_commit_that_expects_another_record_changes_nothing
            one_of_many_concurrent_first_commits_succeeds
            one_of_many_concurrent_commits_that_expect_the_same_record_succeeds
            no_update_is_lost_among_writers_that_retry
            an_expired_session_reads_as_none_and_its_place_is_free
            a_session_that_is_written_after_its_expiry_reads_as_none
            a_removed_session_is_gone_and_its_place_free
            all_sessions_of_a_user_but_one_are_removed_and_those_of_others_stay
            the_sessions_of_a_user_are_listed_without_expired_ones
            forgetting_expired_sessions_forgets_nothing_else
            a_cancelled_call_harms_no_other
            a_store_that_is_not_nearly_full_has_room
            the_store_can_be_reached
        }
    };
    (counters on $open:path) => {
        run! { counters on $open:
            a_counter_counts_from_one_and_reading_adds_nothing
            counters_are_independent_and_answered_in_order
            no_concurrent_addition_is_lost
            a_window_does_not_slide_and_ends
            for_no_counters_the_answer_is_empty
            forgetting_expired_counters_forgets_nothing_else
        }
    };
    (key_table on $open:path) => {
        run! { key_table on $open:
            an_empty_table_still_tells_the_time
            a_key_is_published_now_and_active_after_its_lead
            a_slot_is_filled_once
            concurrent_inserts_into_a_slot_all_read_the_same_key
            keys_come_in_the_order_of_their_slots
            a_key_can_be_activated_sooner_and_never_later
            a_revoked_key_keeps_its_first_time_of_revocation
            the_longest_life_of_a_token_is_kept
            a_key_is_resealed_only_if_it_is_as_it_was_read
            a_forgotten_key_is_gone
            the_first_value_of_a_fact_wins
            a_fact_is_replaced_only_if_it_is_as_it_was_read
        }
    };
}

mod sqlite {
    keeps! { accounts on crate::servers::sqlite }
    keeps! { transfer on crate::servers::sqlite }
    keeps! { listing on crate::servers::sqlite }
    keeps! { endings on crate::servers::sqlite }
    keeps! { endings_log on crate::servers::sqlite }
    keeps! { audit on crate::servers::sqlite }
    keeps! { outbox on crate::servers::sqlite }
    keeps! { sessions on crate::servers::sqlite }
    keeps! { counters on crate::servers::sqlite }
    keeps! { proofs on crate::servers::sqlite }
    keeps! { factors on crate::servers::sqlite }
    keeps! { passkeys on crate::servers::sqlite }
    keeps! { key_table on crate::servers::sqlite }
    mod by_hand;
    mod file;
    mod mail_budget;
}

mod postgres {
    keeps! { accounts on crate::servers::postgres }
    keeps! { transfer on crate::servers::postgres }
    keeps! { listing on crate::servers::postgres }
    keeps! { endings on crate::servers::postgres }
    keeps! { endings_log on crate::servers::postgres }
    keeps! { audit on crate::servers::postgres }
    keeps! { outbox on crate::servers::postgres }
    keeps! { sessions on crate::servers::postgres }
    keeps! { counters on crate::servers::postgres }
    keeps! { proofs on crate::servers::postgres }
    keeps! { factors on crate::servers::postgres }
    keeps! { passkeys on crate::servers::postgres }
    keeps! { key_table on crate::servers::postgres }
    mod order;
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
