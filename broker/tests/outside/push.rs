//! Push delivery, as the endpoints outside of the broker see it.
//!
//! Endpoints are servers of the test on loopback, where a broker without users may deliver to. Cases wait for arrivals,
//! not for clocks.

mod gateways;
mod handshake;
mod isolation;
mod mail;
mod networks;
mod notifications;
mod restarts;
mod retries;

use crate::Case;
use crate::shared::OPEN;
use crate::support::{Broker, Client, Topic};

/// The cases of all modules below.
pub(crate) const CASES: &[(&str, Case)] = &[
    ("a_confirmation_asks_the_endpoint", handshake::a_confirmation_asks_the_endpoint),
    ("a_subscription_is_confirmed_by_its_link", handshake::a_subscription_is_confirmed_by_its_link),
    ("confirming_twice_gives_the_same_subscription", handshake::confirming_twice_gives_the_same_subscription),
    ("a_token_confirms_whatever_topic_is_named", handshake::a_token_confirms_whatever_topic_is_named),
    ("links_work_in_every_region", handshake::links_work_in_every_region),
    ("subscribing_again_asks_again", handshake::subscribing_again_asks_again),
    ("nothing_arrives_before_confirmation", handshake::nothing_arrives_before_confirmation),
    ("a_subscription_ends_by_its_link", handshake::a_subscription_ends_by_its_link),
    ("the_end_of_a_subscription_can_be_taken_back", handshake::the_end_of_a_subscription_can_be_taken_back),
    ("unsubscribing_may_need_authentication", handshake::unsubscribing_may_need_authentication),
    ("a_confirmation_that_fails_is_tried_again", handshake::a_confirmation_that_fails_is_tried_again),
    ("a_notification_has_its_headers_and_body", notifications::a_notification_has_its_headers_and_body),
    ("a_raw_message_is_sent_as_it_is", notifications::a_raw_message_is_sent_as_it_is),
    ("the_content_type_can_be_chosen", notifications::the_content_type_can_be_chosen),
    ("each_protocol_gets_its_own_body", notifications::each_protocol_gets_its_own_body),
    ("filters_hold_for_endpoints", notifications::filters_hold_for_endpoints),
    ("a_batch_arrives_message_by_message", notifications::a_batch_arrives_message_by_message),
    ("a_large_message_arrives", notifications::a_large_message_arrives),
    ("keys_in_a_url_are_used", notifications::keys_in_a_url_are_used),
    ("what_fails_is_tried_again", retries::what_fails_is_tried_again),
    ("what_always_fails_goes_to_the_dead_letters", retries::what_always_fails_goes_to_the_dead_letters),
    ("without_a_dead_letter_queue_it_is_dropped", retries::without_a_dead_letter_queue_it_is_dropped),
    ("a_dead_letter_says_why", retries::a_dead_letter_says_why),
    ("client_errors_are_final", retries::client_errors_are_final),
    ("too_many_requests_is_not_final", retries::too_many_requests_is_not_final),
    ("redirects_are_not_followed", retries::redirects_are_not_followed),
    ("a_closed_connection_is_a_failure", retries::a_closed_connection_is_a_failure),
    ("an_unreachable_endpoint_is_a_failure", retries::an_unreachable_endpoint_is_a_failure),
    ("an_answer_may_be_slow", retries::an_answer_may_be_slow),
    ("an_answer_may_be_large", retries::an_answer_may_be_large),
    ("an_endpoint_that_hangs_is_given_up", retries::an_endpoint_that_hangs_is_given_up),
    ("a_subscriptions_policy_goes_before_the_topics", retries::a_subscriptions_policy_goes_before_the_topics),
    ("a_hanging_endpoint_holds_up_no_other", isolation::a_hanging_endpoint_holds_up_no_other),
    ("a_failing_endpoint_holds_up_no_other", isolation::a_failing_endpoint_holds_up_no_other),
    ("a_rate_is_kept", isolation::a_rate_is_kept),
    ("pending_deliveries_survive_a_crash", restarts::pending_deliveries_survive_a_crash),
    ("pending_deliveries_survive_a_clean_stop", restarts::pending_deliveries_survive_a_clean_stop),
    ("attempts_are_counted_across_a_stop", restarts::attempts_are_counted_across_a_stop),
    ("a_confirmation_survives_a_crash", restarts::a_confirmation_survives_a_crash),
    ("the_metadata_service_is_refused", networks::the_metadata_service_is_refused),
    ("loopback_is_refused_where_there_are_users", networks::loopback_is_refused_where_there_are_users),
    ("what_is_allowed_by_name_is_delivered_to", networks::what_is_allowed_by_name_is_delivered_to),
    ("what_is_denied_is_refused", networks::what_is_denied_is_refused),
    (
        "the_machines_own_addresses_are_refused_where_loopback_is",
        networks::the_machines_own_addresses_are_refused_where_loopback_is,
    ),
    ("private_networks_are_refused_by_one_word", networks::private_networks_are_refused_by_one_word),
    ("text_messages_go_to_the_gateway", gateways::text_messages_go_to_the_gateway),
    ("devices_get_what_is_for_their_platform", gateways::devices_get_what_is_for_their_platform),
    ("functions_and_streams_have_gateways", gateways::functions_and_streams_have_gateways),
    ("a_missing_gateway_is_logged_and_counted", gateways::a_missing_gateway_is_logged_and_counted),
    ("a_gateway_may_opt_out_or_disable", gateways::a_gateway_may_opt_out_or_disable),
    ("a_password_reaches_its_phone", gateways::a_password_reaches_its_phone),
    ("mail_is_confirmed_and_delivered", mail::mail_is_confirmed_and_delivered),
    ("mail_may_be_json", mail::mail_may_be_json),
];

/// A caller of a broker. Pushes do not depend on its protocol.
fn caller(broker: &Broker) -> Client {
    broker.json_client()
}

/// A new topic of the shared broker.
fn topic() -> Topic {
    caller(&OPEN.get()).topic()
}

/// The delivery policy of a subscription with so many immediate retries, followed by so many at intervals of a second.
fn policy(at_once: u32, every_second: u32) -> String {
    let retries = at_once + every_second;
    format!(
        r#"{{"healthyRetryPolicy":{{"numRetries":{retries},"numNoDelayRetries":{at_once},"minDelayTarget":1,
            "maxDelayTarget":1}}}}"#
    )
}
