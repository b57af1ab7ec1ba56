//! Looks at messages, as the core loop makes them: it reads the pages that a look needs and the bodies that it names.

use posthouse_engine::{Answer, IndexOverview, Outcome, PeekedRef, PreparedCall, RequestToken};
use posthouse_model::operation::{PeekMessages, Reply, ShownStates};
use posthouse_model::{Call, Fault, MessageKey, PageSize, Request, Timestamp};

use super::World;

impl World {
    /// Looks at all messages of a queue, so many at a time. Fails if a look changes anything.
    pub(crate) fn peek(
        &mut self,
        queue: &str,
        states: ShownStates,
        messages_max: i64,
    ) -> Result<Vec<PeekedRef>, Fault> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (messages, next) = self.peek_once(queue, states, messages_max, after)?;
            assert!(messages.len() <= usize::try_from(messages_max).expect("small"));
            all.extend(messages);
            if next.is_none() {
                return Ok(all);
            }
            assert!(next > after, "each look goes on behind the one before");
            after = next;
        }
    }

    fn peek_once(
        &mut self,
        queue: &str,
        states: ShownStates,
        messages_max: i64,
        after: Option<MessageKey>,
    ) -> Result<(Vec<PeekedRef>, Option<MessageKey>), Fault> {
        let messages_max = PageSize::new(messages_max).expect("in range");
        let request = PeekMessages { queue: self.address(queue), after, states, messages_max };
        let call = Call { caller: self.caller(), request: Request::PeekMessages(request) };
        let before = self.seen();
        let token = RequestToken(u64::MAX);
        let mut answers: Vec<Answer> = Vec::new();
        self.engine.handle(self.now, token, PreparedCall::from(call), &mut self.journal, &mut answers);
        let at = answers.iter().position(|answer| answer.token == token).expect("a look does not wait");
        let answer = answers.swap_remove(at);
        // A queue that a publication or a new time had not reached is caught up first, which may answer those who wait.
        let has_served = !answers.is_empty();
        assert!(!has_served || before.0.is_none(), "a look serves no other request");
        self.take_late(core::mem::take(&mut answers), None);
        let (mut outcome, mut durable) = (answer.outcome, answer.after);
        while let Outcome::PeekPage { peek, page } = outcome {
            let payload = self.journal.payload(page.position());
            let payload = (!self.faults.contains_key(&page.position())).then_some(payload);
            let (journal, later) = (&mut self.journal, &mut answers);
            (outcome, durable) = self.engine.peek(self.now, (&peek, page), payload.as_ref(), journal, later);
            assert!(answers.is_empty(), "a look serves no other request");
        }
        assert_eq!(self.engine.next_page_request(), None, "a look brings its pages itself");
        let after = self.seen();
        if let (Some(before), Some(after)) = (before.0, after.0) {
            assert_eq!(before, after, "a look changes no state");
        }
        if !has_served {
            assert_eq!(
                (before.1, before.2),
                (after.1, after.2),
                "a look brings no page into memory and writes nothing"
            );
        }
        match outcome {
            Outcome::Peeked { messages, next } => {
                let shown = messages.iter().filter_map(|message| match message {
                    PeekedRef::Message(reference, _) => Some(reference.handle.message),
                    PeekedRef::Whole(_) => None,
                });
                let newest = shown.max().unwrap_or(MessageKey::MIN);
                assert!(durable.message_key() >= newest, "a look waits for what it shows");
                Ok((messages, next))
            }
            Outcome::Reply(Err(fault)) => Err(fault),
            other => panic!("not the outcome of a look: {other:?}"),
        }
    }

    /// What a look must not change: the state, which pages are in memory, and the journal. While a publication is put into
    /// its queues the state has no digest.
    fn seen(&self) -> (Option<[u8; 16]>, IndexOverview, usize) {
        let has_work = self.engine.next_deadline() == Some(Timestamp::EPOCH);
        ((!has_work).then(|| self.digest()), self.engine.index(), self.journal.records.len())
    }

    /// What became of selected messages.
    pub(crate) fn select(&mut self, request: Request) -> String {
        use posthouse_model::operation::SelectedOutcome as Outcome;
        match self.ask(request) {
            Ok(Reply::Selected(outcomes)) => {
                let words = outcomes.iter().map(|outcome| match outcome {
                    Outcome::Done => "done",
                    Outcome::NotFound => "not-found",
                    Outcome::InFlight => "in-flight",
                    Outcome::Damaged => "damaged",
                });
                words.collect::<Vec<_>>().join(" ")
            }
            Ok(other) => panic!("not the reply about selected messages: {other:?}"),
            Err(fault) => super::script::render_fault(&fault),
        }
    }
}
