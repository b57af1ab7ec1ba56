//! Pages of waiting messages that a decision needs and that are not in memory.
//!
//! ```text
//!  call --(needs no page)-----------------------------------------------> decided
//!       --(needs a page)--> parked --(the page was read)--> tried again -^
//! ```
//!
//! A call that needs a page is parked whole, before it has emitted an event, and tried again when the page was read. What
//! time brings about (expiry, move tasks) and receives that wait go on when the page was read, because its queue counts as
//! changed then. While a queue waits for a page, its timer does not fire for them.
//!
//! A receive that has taken messages asks for the next page before it is needed, so that a queue that is drained waits for
//! pages at its beginning only.
//!
//! A page that cannot be read for now is asked for again later. Until then calls that need it are refused.
//!
//! Invariants: a parked call's queue waits for a page; at most [`READS_MAX`] pages of a queue are being read, besides those
//! that could not be read and are asked for again.

use std::collections::{BTreeMap, VecDeque};

use posthouse_model::operation::{Action, Selected};
use posthouse_model::{Fault, MessageKey, QueueAddress, QueueId, ReceiptHandle, Request, Timestamp};

use super::Decision;
use crate::access::Resource;
use crate::answer::{Outcome, RequestToken};
use crate::budget::Budget;
use crate::event::Event;
use crate::event::pages::PageStored;
use crate::journal::Position;
use crate::prepared::PreparedCall;
use crate::shift::Shift;
use crate::state::pages::PageRequest;

/// Pages of one queue that are read at once: the one that is needed, and another one that a receipt handle needs.
const READS_MAX: usize = 2;

/// Queues that are chosen at once for their pages to be stored.
const CHOSEN_MAX: usize = 64;

/// The answer to a call that needs a page which cannot be read for now.
const UNREADABLE: Outcome = Outcome::Reply(Err(Fault::Throttled));

/// A call that waits for a page of a queue.
#[derive(Debug)]
struct Parked {
    queue: QueueId,
    token: RequestToken,
    call: PreparedCall,
}

/// What waits for pages, and whose pages are stored next. Nothing here is durable.
#[derive(Debug, Default)]
pub(crate) struct Paging {
    /// Pages that are to be read.
    requests: VecDeque<PageRequest>,
    /// Pages that are to be read or are being read, by queue.
    awaited: BTreeMap<QueueId, Vec<PageRequest>>,
    parked: VecDeque<Parked>,
    /// Awaited pages that could not be read, and when they are asked for again.
    failed: Vec<(Timestamp, PageRequest)>,
    /// Queues whose pages are stored next, the one with most of them last.
    chosen: Vec<QueueId>,
    /// Pages in memory from which on it is tried again to store some: no queue had any when there were fewer.
    tried_from: u64,
    /// Whether more pages than allowed are loaded, and each belongs to a queue that waits for another one. Nothing can be
    /// dropped until a page comes or fails.
    is_evicting_stuck: bool,
}

impl Paging {
    /// Forgets a call. Returns whether it was parked.
    pub(crate) fn cancel(&mut self, token: RequestToken) -> bool {
        let before = self.parked.len();
        self.parked.retain(|parked| parked.token != token);
        self.parked.len() < before
    }

    /// Forgets all calls.
    pub(crate) fn cancel_all(&mut self) {
        self.parked.clear();
    }

    /// How many calls are parked.
    pub(crate) fn parked(&self) -> usize {
        self.parked.len()
    }

    /// The next page that is to be read.
    pub(crate) fn next_request(&mut self) -> Option<PageRequest> {
        self.requests.pop_front()
    }

    /// When the next page is asked for again that could not be read. `None` if all could.
    pub(crate) fn next_retry(&self) -> Option<Timestamp> {
        self.failed.iter().map(|(again, _)| *again).min()
    }

    /// Asks for pages again that could not be read, if it is their time.
    pub(crate) fn retry(&mut self, now: Timestamp) {
        if !self.failed.is_empty() {
            self.requests.extend(self.failed.extract_if(.., |(again, _)| *again <= now).map(|(_, request)| request));
        }
    }

    fn has_failed(&self, request: PageRequest) -> bool {
        self.failed.iter().any(|(_, failed)| failed.page.record == request.page.record)
    }

    /// Keeps how long pages that could not be read are still left alone when the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.failed.iter_mut().for_each(|(again, _)| *again = shift.moved(*again));
    }

    /// Whether [`Decision::spill`] would do something: more is in memory than the budget allows.
    pub(crate) fn is_spill_due(&self, budget: &Budget) -> bool {
        budget.is_exceeded_by_loaded() && !self.is_evicting_stuck
            || budget.is_exceeded() && budget.resident() >= self.tried_from
    }

    /// The calls that wait for a page of a queue, in the order of their arrival. They are no longer parked.
    fn take_parked(&mut self, queue: QueueId) -> Vec<(RequestToken, PreparedCall)> {
        if self.parked.iter().all(|parked| parked.queue != queue) {
            return Vec::new();
        }
        let (taken, left) = core::mem::take(&mut self.parked).into_iter().partition(|parked| parked.queue == queue);
        self.parked = left;
        let taken: VecDeque<Parked> = taken;
        taken.into_iter().map(|Parked { token, call, .. }| (token, call)).collect()
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        assert!(self.parked.iter().all(|parked| self.awaited.contains_key(&parked.queue)), "a parked call waits");
        assert!(self.awaited.values().all(|pages| !pages.is_empty()), "no queue waits for nothing");
    }
}

impl Decision<'_> {
    /// Parks a call that needs a page which is not in memory. Returns any other call, which can be decided now.
    pub(crate) fn park(&mut self, token: RequestToken, call: PreparedCall) -> Option<PreparedCall> {
        if !self.state.budget.has_spilled() {
            return Some(call);
        }
        self.move_window_for(&call.call);
        match self.page_for(&call) {
            None => Some(call),
            Some(request) if self.volatile.paging.has_failed(request) => {
                self.answer(token, UNREADABLE, Position::ZERO);
                None
            }
            Some(request) => {
                self.want_page(request);
                self.volatile.paging.parked.push_back(Parked { queue: request.queue, token, call });
                None
            }
        }
    }

    /// The page that a call needs and that is not in memory. `None` if there is none, and if the caller may not make the
    /// call, which is then refused without a page.
    fn page_for(&self, call: &PreparedCall) -> Option<PageRequest> {
        let (caller, request) = (&call.call.caller, &call.call.request);
        let find = |address: &QueueAddress| self.state.find(address);
        let key = |handle: ReceiptHandle| handle.message;
        let (address, needed) = match request {
            Request::ReceiveMessage(request) => {
                let queue = find(&request.queue)?;
                (&request.queue, self.page_for_head(queue, request.messages_max.get() as usize))
            }
            Request::DeleteMessage(request) => {
                let handle = request.handle.as_ref().ok().map(|handle| key(handle.handle()));
                (&request.queue, self.page_of(&request.queue, handle.into_iter()))
            }
            Request::DeleteMessageBatch(request) => {
                let handles = request.entries.iter().filter_map(|(_, entry)| entry.as_ref().ok());
                (&request.queue, self.page_of(&request.queue, handles.map(|handle| key(handle.handle()))))
            }
            Request::ChangeMessageVisibility(request) => {
                let handle = request.handle.as_ref().ok().map(|handle| key(handle.handle()));
                (&request.queue, self.page_of(&request.queue, handle.into_iter()))
            }
            Request::ChangeMessageVisibilityBatch(request) => {
                let handles = request.entries.iter().filter_map(|(_, entry)| entry.as_ref().ok());
                (&request.queue, self.page_of(&request.queue, handles.map(|(handle, _)| key(handle.handle()))))
            }
            Request::SettleMessages(request) => {
                let handles = request.settlements().iter().map(|(handle, _)| key(*handle));
                (request.queue(), self.page_of(request.queue(), handles))
            }
            Request::SettlePushes(request) => {
                let handles = request.deliveries.iter().map(|(handle, _)| key(*handle));
                (&request.queue, self.page_of(&request.queue, handles))
            }
            Request::CopySelectedMessages(request) => {
                (&request.queue, self.page_of_selected(&request.queue, &request.messages))
            }
            Request::DeleteSelectedMessages(request) => {
                (&request.queue, self.page_of_selected(&request.queue, &request.messages))
            }
            Request::MoveSelectedMessages(request) => {
                (&request.queue, self.page_of_selected(&request.queue, &request.messages))
            }
            Request::AddPermission(_)
            | Request::CancelMessageMoveTask(_)
            | Request::CreateQueue(_)
            | Request::DeleteQueue(_)
            | Request::GetQueueAttributes(_)
            | Request::GetQueueUrl(_)
            | Request::ListDeadLetterSourceQueues(_)
            | Request::ListMessageMoveTasks(_)
            | Request::ListQueueTags(_)
            | Request::ListQueues(_)
            | Request::PurgeQueue(_)
            | Request::RemovePermission(_)
            | Request::SendMessage(_)
            | Request::SendMessageBatch(_)
            | Request::SetQueueAttributes(_)
            | Request::StartMessageMoveTask(_)
            | Request::TagQueue(_)
            | Request::UntagQueue(_)
            | Request::Publish(_)
            | Request::PublishBatch(_)
            | Request::WatchPushTargets(_)
            | Request::DropDamagedMessages(_)
            | Request::ListDamagedMessages(_)
            | Request::PeekMessages(_)
            | Request::AddTopicPermission(_)
            | Request::ConfirmSubscription(_)
            | Request::CreateTopic(_)
            | Request::DeleteTopic(_)
            | Request::GetDataProtectionPolicy(_)
            | Request::GetSubscriptionAttributes(_)
            | Request::GetTopicAttributes(_)
            | Request::ListSubscriptions(_)
            | Request::ListSubscriptionsByTopic(_)
            | Request::ListTagsForResource(_)
            | Request::ListTopics(_)
            | Request::PutDataProtectionPolicy(_)
            | Request::RemoveTopicPermission(_)
            | Request::SetSubscriptionAttributes(_)
            | Request::SetTopicAttributes(_)
            | Request::Subscribe(_)
            | Request::TagResource(_)
            | Request::Unsubscribe(_)
            | Request::UntagResource(_)
            | Request::CheckIfPhoneNumberIsOptedOut(_)
            | Request::CreatePlatformApplication(_)
            | Request::CreatePlatformEndpoint(_)
            | Request::CreateSMSSandboxPhoneNumber(_)
            | Request::DeleteEndpoint(_)
            | Request::DeletePlatformApplication(_)
            | Request::DeleteSMSSandboxPhoneNumber(_)
            | Request::GetEndpointAttributes(_)
            | Request::GetPlatformApplicationAttributes(_)
            | Request::GetSMSAttributes(_)
            | Request::GetSMSSandboxAccountStatus(_)
            | Request::ListEndpointsByPlatformApplication(_)
            | Request::ListOriginationNumbers(_)
            | Request::ListPhoneNumbersOptedOut(_)
            | Request::ListPlatformApplications(_)
            | Request::ListSMSSandboxPhoneNumbers(_)
            | Request::OptInPhoneNumber(_)
            | Request::SetEndpointAttributes(_)
            | Request::SetPlatformApplicationAttributes(_)
            | Request::SetSMSAttributes(_)
            | Request::SmsOptOut(_)
            | Request::VerifySMSSandboxPhoneNumber(_)
            | Request::OpenConsumer(_)
            | Request::OpenProducer(_)
            | Request::PublishMessages(_)
            | Request::SendMessages(_) => return None,
        };
        let resource = Resource::Queue(address, find(address));
        // Only deletions of a native client need a page, and they are authorized as those of SQS are, as selected messages
        // are.
        let action = match request {
            Request::SettleMessages(_) | Request::DeleteSelectedMessages(_) => Action::DeleteMessage,
            Request::CopySelectedMessages(_) | Request::MoveSelectedMessages(_) => Action::ReceiveMessage,
            other => other.action(),
        };
        needed.filter(|_| self.authorize(caller, action, resource).is_ok())
    }

    fn page_of_selected(&self, address: &QueueAddress, selected: &Selected) -> Option<PageRequest> {
        let queue = self.state.find(address)?;
        let names = selected.names().iter().filter(|name| name.queue == queue);
        self.state.page_of(queue, names.map(|name| name.message))
    }

    fn page_of(&self, address: &QueueAddress, keys: impl Iterator<Item = MessageKey>) -> Option<PageRequest> {
        self.state.page_of(self.state.find(address)?, keys)
    }

    /// The page that is needed before so many messages of a queue can be selected, and that is not in memory. `None` if
    /// there is none.
    fn page_for_head(&self, queue: QueueId, messages: usize) -> Option<PageRequest> {
        let page = self.queue(queue).messages.page_for_head(messages)?;
        Some(PageRequest { queue, page })
    }

    /// Whether so many messages of a queue can be selected. If not, the page is asked for that is missing.
    pub(crate) fn has_head(&mut self, queue: QueueId, messages: usize) -> bool {
        if !self.state.budget.has_spilled() {
            return true;
        }
        match self.page_for_head(queue, messages) {
            None => true,
            Some(request) => {
                self.want_page(request);
                false
            }
        }
    }

    /// Asks for the page that is needed before all messages of a queue can be found that were sent at `bound` or before,
    /// if there is one.
    pub(crate) fn want_aged(&mut self, queue: QueueId, bound: Timestamp) {
        if self.state.budget.has_spilled()
            && let Some(page) = self.queue(queue).messages.page_for_age(bound)
        {
            self.want_page(PageRequest { queue, page });
        }
    }

    /// Asks for the page that a queue needs soon, if less than half a record of pages is left before it.
    pub(crate) fn read_ahead(&mut self, queue: QueueId) {
        if !self.state.budget.has_spilled() {
            return;
        }
        let index = self.state.budget.options();
        let ahead = (index.page_messages * index.record_pages / 2).max(1);
        let _ = self.has_head(queue, ahead);
    }

    /// Asks for a page, unless it is being read already or enough others of its queue are.
    pub(crate) fn want_page(&mut self, request: PageRequest) {
        let Paging { awaited, failed, .. } = &mut self.volatile.paging;
        let awaited = awaited.entry(request.queue).or_default();
        // Pages that could not be read wait for their time, and keep no other page from being read.
        let has_failed = |page: &&PageRequest| failed.iter().any(|(_, other)| other.page.record == page.page.record);
        let reading = awaited.len() - awaited.iter().filter(has_failed).count();
        if reading < READS_MAX && !awaited.iter().any(|other| other.page.record == request.page.record) {
            awaited.push(request);
            self.volatile.paging.requests.push_back(request);
        }
        if let Some(queue) = self.state.get_mut(request.queue) {
            queue.awaits_page = true;
        }
    }

    /// Notes that a page could not be read and is to be asked for again. Answers the calls that wait for it.
    pub(crate) fn page_failed(&mut self, request: PageRequest, again: Timestamp) {
        self.volatile.paging.is_evicting_stuck = false;
        self.volatile.paging.failed.push((again, request));
        for (token, _) in self.volatile.paging.take_parked(request.queue) {
            self.answer(token, UNREADABLE, Position::ZERO);
        }
    }

    /// Notes that a page was read, or is not to be read any more. Returns the calls that are to be tried again.
    pub(crate) fn page_came(&mut self, request: PageRequest) -> Vec<(RequestToken, PreparedCall)> {
        let PageRequest { queue: id, page } = request;
        let paging = &mut self.volatile.paging;
        paging.is_evicting_stuck = false;
        if let Some(awaited) = paging.awaited.get_mut(&id) {
            awaited.retain(|other| other.page.record != page.record);
            if awaited.is_empty() {
                paging.awaited.remove(&id);
            }
        }
        let awaits_page = paging.awaited.contains_key(&id);
        if let Some(queue) = self.state.get_mut(id) {
            queue.awaits_page = awaits_page;
            self.state.changed_queues.push(id);
        }
        self.volatile.paging.take_parked(id)
    }

    /// Stores the pages of one record, those of the queue with the longest list, or drops pages that were read. No page of
    /// `except` is stored.
    pub(crate) fn spill(&mut self, except: Option<QueueId>) {
        self.state.evict_pages(self.journal);
        self.volatile.paging.is_evicting_stuck = self.state.budget.is_exceeded_by_loaded();
        if !self.state.budget.is_exceeded() {
            return;
        }
        if self.volatile.paging.chosen.is_empty() {
            self.choose();
        }
        let mut passed_over = None;
        while let Some(queue) = self.volatile.paging.chosen.pop() {
            if Some(queue) == except {
                passed_over = Some(queue);
                continue;
            }
            self.state.catch_up(queue, self.journal);
            let (messages, groups) =
                self.state.get(queue).map(|queue| queue.messages.storable(MessageKey::MAX)).unwrap_or_default();
            if !messages.is_empty() {
                self.emit(&Event::PageStored(PageStored { queue, messages, groups }));
                self.volatile.paging.chosen.extend(passed_over);
                return;
            }
        }
        if !self.state.evict_page(self.journal) {
            let budget = &self.state.budget;
            self.volatile.paging.tried_from = budget.resident() + budget.step();
        }
    }

    /// Chooses the queues with the longest lists in memory.
    fn choose(&mut self) {
        let queues = self.state.queues().map(|queue| (queue.messages.storable_pages(), queue.id));
        let mut queues: Vec<_> = queues.filter(|(pages, _)| *pages > 0).collect();
        if queues.len() > CHOSEN_MAX {
            let at = queues.len() - CHOSEN_MAX;
            queues.select_nth_unstable(at);
            queues.drain(..at);
        }
        queues.sort_unstable();
        self.volatile.paging.chosen = queues.into_iter().map(|(_, queue)| queue).collect();
    }
}
