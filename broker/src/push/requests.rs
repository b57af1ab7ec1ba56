//! What push delivery asks of the core loop.

use std::time::Duration;

use posthouse_model::fault::Unavailable;
use posthouse_model::operation::{
    GetEndpointAttributes, PushChanges, ReceiveMessage, ReceivedMessage, SetEndpointAttributes, SettlePushes,
    Settlement, SmsOptOut, WatchPushTargets,
};
use posthouse_model::{
    AccountId, Caller, EndpointAddress, EndpointAttributes, EndpointChanges, Fault, MessageCount, Operation,
    PhoneNumber, QueueAddress, ReceiptHandle, ReceiveWait, Region, VisibilityTimeout,
};

use crate::core_client::{CoreClient, ask};

/// How long a request that found no room waits before it is made again, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// Waits until the push targets differ from those of version `seen`, and returns what changed.
///
/// # Errors
/// Any fault of the core loop. The caller waits and asks again.
pub(super) async fn watch(core: &dyn CoreClient, region: &Region, seen: u64) -> Result<PushChanges, Fault> {
    ask(core, Caller::broker(region.clone()), WatchPushTargets { seen }).await
}

/// Receives messages of a target's queue, and waits without a limit until there are any.
///
/// # Errors
/// Any fault of the core loop; [`Fault::QueueDoesNotExist`] if the target's queue was deleted.
pub(super) async fn receive(
    core: &dyn CoreClient,
    queue: &QueueAddress,
    messages_max: MessageCount,
    visibility_timeout: VisibilityTimeout,
) -> Result<Vec<ReceivedMessage>, Fault> {
    let request = ReceiveMessage {
        queue: queue.clone(),
        messages_max,
        visibility_timeout: Some(visibility_timeout),
        wait: Some(ReceiveWait::Forever),
        attempt: None,
    };
    ask(core, Caller::broker(queue.region.clone()), request).await
}

/// Reports what became of deliveries. A fault is logged only: what is not settled becomes visible again after its
/// visibility timeout, and is delivered once more.
pub(super) async fn settle(core: &dyn CoreClient, queue: &QueueAddress, deliveries: Vec<(ReceiptHandle, Settlement)>) {
    let request = SettlePushes { queue: queue.clone(), deliveries };
    if let Err(fault) = insist(core, &queue.region, request).await {
        tracing::debug!(%queue, fault = fault.name(), "deliveries cannot be settled");
    }
}

/// The attributes of a platform endpoint.
///
/// # Errors
/// Any fault of the core loop but a want of room, for which the request is repeated.
pub(super) async fn endpoint_attributes(
    core: &dyn CoreClient,
    endpoint: &EndpointAddress,
) -> Result<EndpointAttributes, Fault> {
    let request = GetEndpointAttributes { endpoint: endpoint.clone() };
    insist(core, &endpoint.application.region, request).await
}

/// Disables a platform endpoint: nothing more is sent to it until its owner enables it again. A fault is logged only.
pub(super) async fn disable_endpoint(core: &dyn CoreClient, endpoint: &EndpointAddress) {
    let request = SetEndpointAttributes { endpoint: endpoint.clone(), changes: Ok(EndpointChanges::of_enabled(false)) };
    if let Err(fault) = insist(core, &endpoint.application.region, request).await {
        tracing::debug!(%endpoint, fault = fault.name(), "an endpoint cannot be disabled");
    }
}

/// Opts a phone number out of an account's messages. A fault is logged only.
pub(super) async fn opt_out(core: &dyn CoreClient, region: &Region, account: AccountId, phone_number: PhoneNumber) {
    let request = SmsOptOut { region: region.clone(), account, phone_number };
    if let Err(fault) = insist(core, region, request).await {
        tracing::debug!(%account, fault = fault.name(), "a phone number cannot be opted out");
    }
}

/// Repeats a request until the core loop has room for it, with pauses from [`RETRY_FIRST`] to [`RETRY_MAX`].
async fn insist<O: Operation + Clone>(core: &dyn CoreClient, region: &Region, operation: O) -> Result<O::Reply, Fault> {
    let mut pause = RETRY_FIRST;
    loop {
        match ask(core, Caller::broker(region.clone()), operation.clone()).await {
            Err(Fault::Throttled | Fault::StorageFull | Fault::Unavailable(Unavailable::NoLogFile(_))) => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_MAX);
            }
            answer => return answer,
        }
    }
}
