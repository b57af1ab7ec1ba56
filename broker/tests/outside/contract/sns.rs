//! What SNS promises its callers. The suite `push` has pushes to endpoints outside of the broker.

mod batches;
mod dead_letters;
mod envelopes;
mod fifo;
mod filters;
mod namespaces;
mod permissions;
mod platform;
mod publishing;
mod sizes;
mod sms;
mod structures;
mod subscribing;
mod subscription_attributes;
mod topic_attributes;
mod topics;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Case, cases};
use crate::support::Client;

/// The code for most refused values.
pub(crate) const INVALID: &str = "InvalidParameter";
/// The code for a topic, subscription, application or endpoint that does not exist.
pub(crate) const NOT_FOUND: &str = "NotFound";

/// Every suite of SNS with its cases.
pub(crate) const SUITES: &[(&str, &[(&str, Case)])] = &[
    ("sns_batches", batches::CASES),
    ("sns_dead_letters", dead_letters::CASES),
    ("sns_envelopes", envelopes::CASES),
    ("sns_fifo", fifo::CASES),
    ("sns_filters", filters::CASES),
    ("sns_namespaces", namespaces::CASES),
    ("sns_permissions", permissions::CASES),
    ("sns_platform", platform::CASES),
    ("sns_publishing", publishing::CASES),
    ("sns_sizes", sizes::CASES),
    ("sns_sms", sms::CASES),
    ("sns_structures", structures::CASES),
    ("sns_subscribing", subscribing::CASES),
    ("sns_subscription_attributes", subscription_attributes::CASES),
    ("sns_topic_attributes", topic_attributes::CASES),
    ("sns_topics", topics::CASES),
];

/// All pages of a listing: the items, and how many were on each page.
fn pages(client: &Client, action: &str, input: &Value, member: &str) -> (Vec<Value>, Vec<usize>) {
    let (client, mut input) = (client.sns(), input.clone());
    let (mut items, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = client.ok(action, &input);
        let on_page = page[member].as_array().cloned().unwrap_or_default();
        sizes.push(on_page.len());
        items.extend(on_page);
        match page["NextToken"].as_str() {
            Some(token) => {
                STANDARD.decode(token).expect("padded base64 of the standard alphabet");
                input["NextToken"] = json!(token);
            }
            None => return (items, sizes),
        }
    }
}
