//! What is told over a WebSocket is told over HTTP as well, in the same order: the same tests, by polls. Left out are those of
//! close codes, of Pings, of binding at an upgrade, and of what an unacknowledged sequence brings again: a poll acknowledges by
//! asking for what comes after.

use crate::channel::{Form, run_by};

macro_rules! by_polls {
    ($($module:ident: $($test:ident),+;)+) => {
        $(mod $module {
            $(#[test]
            fn $test() {
                super::run_by(super::Form::Polls, crate::$module::$test);
            })+
        })+
    };
}

by_polls! {
    message:
        a_receipt_reaches_all_devices_of_the_writer_once,
        a_message_sent_five_times_is_one_message,
        the_same_id_with_another_text_or_contact_is_1012_and_belongs_to_its_device_alone,
        a_repeat_over_a_kill_is_known,
        texts_arrive_exactly_as_they_were_written,
        a_message_that_was_acknowledged_while_its_invitation_was_pending_gives_one_receipt,
        somebody_without_any_device_gets_everything_with_the_first_one;
    conversation:
        the_first_message_invites_and_later_ones_arrive_at_once_until_accept_gives_the_first,
        an_answer_accepts,
        after_decline_or_end_the_next_message_invites_anew,
        start_chat_invites_without_a_message,
        a_conversation_stays_open_over_a_kill,
        typing_takes_any_chat_id_and_no_wrong_contact,
        unreachable_people_are_1012_with_the_reason;
    several:
        each_device_gets_its_copy_and_own_sends_show_on_the_others,
        invitations_answered_on_one_device_show_on_the_others,
        an_answer_on_one_device_accepts_on_the_others,
        a_batch_that_came_is_carried_out_though_its_socket_is_replaced;
    replay:
        the_sequence_at_the_opening_acknowledges,
        a_burst_larger_than_any_queue_arrives_in_order_and_once;
    batch:
        a_batch_is_answered_one_by_one_with_phase_1_in_its_order,
        what_is_wrong_in_a_batch_leaves_the_rest_alone,
        dependents_wait_and_fail_with_1021_1023_and_1024,
        whatever_fails_without_reaching_the_session_fails_its_dependents_too,
        a_batch_may_begin_with_begin_session,
        the_same_id_while_it_runs_is_1025;
    session:
        begin_session_tells_what_the_session_is_like_and_a_second_one_finds_it_again,
        the_token_comes_in_the_request_or_in_the_header_under_its_old_and_new_name,
        tokens_that_prove_nothing_are_1008_and_those_of_another_device_1012,
        reconnect_without_a_live_session_is_1017,
        sequences_rise_over_sessions_and_restarts,
        sequences_go_on_over_blocks_and_a_kill,
        a_ping_costs_no_commit,
        a_socket_serves_the_session_that_was_begun_last_on_it;
    mailbox:
        the_mailbox_is_read_in_pages_and_the_place_asked_from_is_acknowledged,
        a_new_device_can_read_what_was_before_it,
        reading_moves_forward_only_and_tells_the_other_devices,
        no_frame_to_the_phone_is_over_1_mib,
        reading_goes_no_further_than_the_mailbox;
    directory:
        people_are_found_by_name_mail_and_phone,
        a_search_returns_at_most_50_and_says_that_there_are_more;
    roster:
        contacts_are_records_of_strings_keyed_by_their_uri,
        the_state_of_several_people_is_told_once_in_the_order_asked,
        groups_live_from_add_to_remove_which_needs_them_empty,
        block_contact_stops_presence_in_this_session_only,
        contact_block_stops_messages_silently_for_the_whole_account;
    presence:
        every_choice_has_its_name_and_number_and_unknown_ones_are_1012,
        watchers_are_told_of_signing_in_choices_notes_and_signing_out,
        presence_is_the_explicit_choice_else_that_of_the_most_available_session,
        the_first_change_is_told_at_once_and_later_ones_at_most_every_5_seconds,
        a_new_session_gets_all_contacts_and_a_resumed_one_those_that_changed,
        people_outside_the_list_are_watched_until_unregistered,
        only_people_of_the_same_domain_see_one_another_without_asking,
        what_an_admin_says_of_a_person_reaches_those_who_have_them_in_the_list;
    privacy:
        texts_tokens_keys_and_passwords_are_in_no_log_at_any_level;
    envelope:
        ids_are_echoed_byte_for_byte_and_phase_1_comes_before_phase_2,
        ids_that_cannot_be_echoed_are_invalid_requests,
        ping_tells_the_session_timeout_in_both_phases,
        methods_with_one_answer_give_one_and_the_two_odd_ones_the_union_of_shapes,
        methods_and_parameters_have_any_letter_case_and_their_aliases_and_echo_the_name_used,
        unknown_members_are_ignored_and_unknown_methods_are_not,
        methods_that_do_not_exist_yet_answer_1026_in_phase_1,
        every_method_of_a_session_without_one_answers_1017_in_phase_1,
        missing_parameters_are_1011_and_wrong_ones_1012_in_phase_1;
    access:
        a_sign_of_life_keeps_the_session,
        a_device_that_is_revoked_while_away_stays_out;
    limit:
        a_text_has_1_to_8000_characters,
        deeper_than_64_levels_is_a_parse_error,
        a_batch_holds_1_to_1000_requests;
    oddity:
        every_request_gets_an_answer_whatever_its_parameters_are,
        damaged_requests_end_neither_the_relay_nor_the_session;
    line:
        without_an_im_password_there_is_no_session,
        a_session_stands_while_the_line_comes_up_and_messages_wait_for_it;
}
