//! What push delivery asks of the core loop.

use std::time::Duration;

use posthouse_model::operation::platform::ENABLED;
use posthouse_model::operation::{
    EndpointAttributes, GetEndpointAttributes, PlatformAttributes, PushChanges, ReceiveMessage, ReceivedMessage,
    SetEndpointAttributes, SettlePushes, Settlement, SmsOptOut, WatchPushTargets,
};
use posthouse_model::{
    AccountId, Call, Caller, EndpointAddress, Fault, MessageCount, PhoneNumber, QueueAddress, ReceiptHandle,
    ReceiveWait, Region, Reply, Request, VisibilityTimeout,
};

use crate::core_client::CoreClient;

/// How long a request that found no room waits before it is made again, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// Waits for changes of the push targets.
pub(super) async fn watch(core: &dyn CoreClient, region: &Region, seen: u64) -> Result<PushChanges, Fault> {
    match core.call(call(region, Request::WatchPushTargets(WatchPushTargets { seen }))).await? {
        Reply::PushChanges(changes) => Ok(changes),
        _ => unreachable!("WatchPushTargets is answered with PushChanges"),
    }
}

/// Waits for messages, for as long as it takes.
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
    match core.call(call(&queue.region, Request::ReceiveMessage(request))).await? {
        Reply::ReceiveMessage(messages) => Ok(messages),
        _ => unreachable!("ReceiveMessage is answered with messages"),
    }
}

/// Says what became of deliveries. What the core loop never hears of becomes visible again by itself, and is delivered
/// once more.
pub(super) async fn settle(core: &dyn CoreClient, queue: &QueueAddress, deliveries: Vec<(ReceiptHandle, Settlement)>) {
    let request = Request::SettlePushes(SettlePushes { queue: queue.clone(), deliveries });
    if let Err(fault) = insist(core, &queue.region, request).await {
        tracing::debug!(%queue, %fault, "deliveries cannot be settled");
    }
}

/// What the broker knows of a device.
pub(super) async fn endpoint_attributes(
    core: &dyn CoreClient,
    endpoint: &EndpointAddress,
) -> Result<EndpointAttributes, Fault> {
    let request = Request::GetEndpointAttributes(GetEndpointAttributes { endpoint: endpoint.clone() });
    match insist(core, &endpoint.application.region, request).await? {
        Reply::EndpointAttributes(attributes) => Ok(attributes),
        _ => unreachable!("GetEndpointAttributes is answered with attributes"),
    }
}

/// Says that a device is gone: nothing more is sent to it until its owner enables it again.
pub(super) async fn disable_endpoint(core: &dyn CoreClient, endpoint: &EndpointAddress) {
    let attributes = PlatformAttributes::from([(ENABLED.into(), "false".into())]);
    let request = SetEndpointAttributes { endpoint: endpoint.clone(), attributes };
    let request = Request::SetEndpointAttributes(request);
    if let Err(fault) = insist(core, &endpoint.application.region, request).await {
        tracing::debug!(%endpoint, %fault, "an endpoint cannot be disabled");
    }
}

/// Says that a phone's holder wants no more messages of an account's.
pub(super) async fn opt_out(core: &dyn CoreClient, region: &Region, account: AccountId, phone_number: PhoneNumber) {
    let request = Request::SmsOptOut(SmsOptOut { region: region.clone(), account, phone_number });
    if let Err(fault) = insist(core, region, request).await {
        tracing::debug!(%account, %fault, "a phone number cannot be opted out");
    }
}

/// Asks again for as long as the core loop has no room.
async fn insist(core: &dyn CoreClient, region: &Region, request: Request) -> Result<Reply, Fault> {
    let mut pause = RETRY_FIRST;
    loop {
        match core.call(call(region, request.clone())).await {
            Err(Fault::Throttled | Fault::StorageFull) => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_MAX);
            }
            answer => return answer,
        }
    }
}

fn call(region: &Region, request: Request) -> Call {
    Call { caller: Caller::broker(region.clone()), request }
}
