//! Looks at messages, and what an operator does with those that a look has shown:
//!
//! ```text
//! peek   q max=2 states=visible,delayed -> m1(visible) m2(delayed=5s)   all messages by looks at two each; all states without it
//! delete-selected q m1 m2 in-flight=take -> done not-found
//! move-selected   q m1 to=p              -> done
//! copy-selected   q m1 to=q              -> done
//! ```

use posthouse_engine::PeekedRef;
use posthouse_model::operation::{
    CopySelectedMessages, DeleteSelectedMessages, InFlightRule, MessageName, MoveSelectedMessages, MoveTaskId, Peeked,
    PeekedState, Selected, ShownStates,
};
use posthouse_model::{MessageKey, QueueId, Request, Timestamp};

use super::{Interpreter, Words, render_fault};

impl Interpreter {
    /// The reply of a command about looks and selected messages; `None` for another command.
    pub(super) fn selected(&mut self, words: &Words<'_>) -> Option<String> {
        let name = *words.plain.get(1)?;
        if words.plain[0] == "peek" {
            return Some(self.peek(name, words));
        }
        let in_flight = match words.option("in-flight") {
            None => InFlightRule::Leave,
            Some(rule) => {
                assert_eq!(rule, "take");
                InFlightRule::Take
            }
        };
        let command = words.plain[0];
        if !matches!(command, "delete-selected" | "move-selected" | "copy-selected") {
            return None;
        }
        let queue = self.world.address(name);
        let destination = self.world.address(words.option("to").unwrap_or(name));
        let messages = self.names(name, &words.plain[2..]);
        let seed = MoveTaskId::from_bytes(self.world.fresh_id());
        let request = match command {
            "delete-selected" => Request::DeleteSelectedMessages(DeleteSelectedMessages { queue, messages, in_flight }),
            "move-selected" => {
                Request::MoveSelectedMessages(MoveSelectedMessages { queue, messages, in_flight, destination, seed })
            }
            _ => Request::CopySelectedMessages(CopySelectedMessages { queue, messages, destination, seed }),
        };
        Some(self.world.select(request))
    }

    fn peek(&mut self, queue: &str, words: &Words<'_>) -> String {
        let named = |state: &str| words.option("states").is_none_or(|states| states.split(',').any(|s| s == state));
        let states = ShownStates {
            visible: named("visible"),
            delayed: named("delayed"),
            in_flight: named("in-flight"),
            damaged: named("damaged"),
        };
        let max = words.option("max").map_or(256, |max| max.parse().expect("a number"));
        let messages = match self.world.peek(queue, states, max) {
            Ok(messages) => messages,
            Err(fault) => return render_fault(&fault),
        };
        let now = self.world.now;
        let left = |until: Timestamp| format!("{}s", until.since(now).as_secs());
        let shown: Vec<String> =
            words.option("show").into_iter().flat_map(|show| show.split(',')).map(Into::into).collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        let texts: Vec<String> = messages
            .iter()
            .map(|message| match message {
                PeekedRef::Message(reference, state) => {
                    let state = match state {
                        PeekedState::Visible => "visible".into(),
                        PeekedState::Delayed(until) => format!("delayed={}", left(*until)),
                        PeekedState::InFlight(until) => format!("in-flight={}", left(*until)),
                    };
                    match self.world.render_delivery(reference, &shown).split_once('(') {
                        None => format!("{}({state})", self.world.open(reference).body()),
                        Some((body, facts)) => format!("{body}({state},{facts}"),
                    }
                }
                PeekedRef::Whole(Peeked::Damaged { receive_count, .. }) => format!("damaged(count={receive_count})"),
                PeekedRef::Whole(Peeked::Unlisted { messages, .. }) => format!("unlisted({messages})"),
                PeekedRef::Whole(other) => panic!("a message has a body: {other:?}"),
            })
            .collect();
        if texts.is_empty() { "nothing".into() } else { texts.join(" ") }
    }

    /// The names of the messages with these bodies, as they were when a command about selected messages met them last.
    fn names(&mut self, queue: &str, bodies: &[&str]) -> Selected {
        for message in self.world.peek(queue, ShownStates::ALL, 256).unwrap_or_default() {
            if let PeekedRef::Message(reference, _) = message {
                let name = MessageName { queue: reference.handle.queue, message: reference.handle.message };
                self.names.insert(self.world.open(&reference).body().to_owned(), name);
            }
        }
        let nowhere = MessageName { queue: QueueId::FIRST, message: MessageKey::MIN };
        let names = bodies.iter().map(|body| self.names.get(*body).copied().unwrap_or(nowhere));
        Selected::new(names.collect()).expect("a few")
    }
}
