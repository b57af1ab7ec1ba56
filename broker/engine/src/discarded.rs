//! Values that are of no use any more and whose memory takes long to free.
//!
//! A topic with 100,000 subscriptions or with filter policies of some hundred megabytes is hundreds of thousands of
//! allocations. The engine does not free these between two requests: it hands them out
//! ([`Engine::take_discarded`](crate::Engine::take_discarded)), to be dropped on any thread.

use crate::queue::attempts::Attempts;
use crate::queue::deduplication::Deduplication;
use crate::queue::messages::Messages;
use crate::registry::PlatformApplication;
use crate::topic::Topic;
use crate::topic::fan_out::Search;

/// A value to be dropped. It may take as long as the value is large.
#[derive(Debug)]
pub struct Discarded {
    #[expect(dead_code, reason = "it is only dropped")]
    value: Value,
}

#[derive(Debug)]
#[expect(dead_code, reason = "they are only dropped")]
enum Value {
    Application(Box<PlatformApplication>),
    Remembered(Box<(Deduplication, Attempts)>),
    Messages(Box<Messages>),
    Search(Box<Search>),
    Topic(Box<Topic>),
}

impl From<PlatformApplication> for Discarded {
    fn from(application: PlatformApplication) -> Self {
        Self { value: Value::Application(Box::new(application)) }
    }
}

impl From<(Deduplication, Attempts)> for Discarded {
    fn from(remembered: (Deduplication, Attempts)) -> Self {
        Self { value: Value::Remembered(Box::new(remembered)) }
    }
}

impl From<Messages> for Discarded {
    fn from(messages: Messages) -> Self {
        Self { value: Value::Messages(Box::new(messages)) }
    }
}

impl From<Search> for Discarded {
    fn from(search: Search) -> Self {
        Self { value: Value::Search(Box::new(search)) }
    }
}

impl From<Topic> for Discarded {
    fn from(topic: Topic) -> Self {
        Self { value: Value::Topic(Box::new(topic)) }
    }
}
