//! Tests as text. Each line is a command, with the expected reply after `->`:
//!
//! ```text
//! create  q VisibilityTimeout=30        create a queue with attributes; `tag:KEY=VALUE` for tags
//! set     q DelaySeconds=5              set attributes
//! send    q m1 group=g id=d delay=5s    send a message whose body is m1
//! batch   q m1 m2 m3                    send several at once
//! receive q max=10 wait=20s visibility=5s attempt=a show=count,sent -> m1(count=1,sent=0s)
//! receive q wait=20s as=w               -> waits       or wait=forever
//! answers                               -> w: m1       the replies of waiting receives since the last command
//! delete  q m1                          with the handle of its last receive; m1#1 is that of its first
//! change  q m1 10s                      change its visibility timeout
//! advance 30s                           let time pass
//! caller  111111111111                  the account of the commands below; `anonymous` for none
//! region  eu-west-1                     the region that the commands below are signed for; names stay those of us-east-1
//! restart                               replay the journal into a new engine
//! damage  m1 m2                         from now on the records of these bodies cannot be read
//! stall   m1                            for a time the record of this body cannot be read; `mend m1` ends that
//! scrub                                 -> 1           look for the messages of damaged records
//! damaged                               -> q/m1(count=0,group=-)
//! drop-damaged                          -> 1           drop all damaged messages
//! clock   -3d                           set the clock back, or forward: `+3d`
//! restart-at -3d                        restart with a clock that was set
//! ```
//!
//! [`topics`] defines the commands for topics, [`native`] those of native producers and consumers, [`selected`] those that
//! look at messages and select some.
//!
//! A fault is written as its name, or as its name and message, with `HANDLE` for a receipt handle. `?` matches any reply. A command without `->` must
//! succeed.

pub(crate) mod native;
mod selected;
mod topics;

use posthouse_engine::{IndexOptions, Options, Outcome, Position, RequestToken};
use posthouse_model::message::ClientId;
use posthouse_model::operation::*;
use posthouse_model::{
    AttributeChanges, Fault, MessageCount, OutOfRange, PageSize, PresentedHandle, QueueAttributeName, ReceiptHandle,
    ReceiveWait, Request, SequenceNumber, Timestamp,
};

use std::collections::BTreeMap;

use super::{ReadFault, World, batch, presented};

/// Runs a script in a world without the 60-second rules.
pub(crate) fn run(script: &str) {
    run_with(&Options::default(), script);
}

/// Runs a script in which receives look at the first `window` messages of a queue with groups: with all messages in memory,
/// with a checkpoint that is continuously written, and so that those behind the window lie in pages that are not in memory.
pub(crate) fn run_in_window(window: usize, script: &str) {
    let index = IndexOptions {
        page_messages: 1,
        record_pages: 2,
        window_messages: window,
        window_messages_min: window,
        ..IndexOptions::default()
    };
    let paged = IndexOptions { bytes_max: 24, ..index };
    for (checkpointing, index) in [(false, index), (true, index), (true, paged)] {
        let mut world = World::new(Options { index, ..Options::default() });
        (world.checkpointing, world.ticking) = (checkpointing, true);
        interpret(world, script);
    }
}

/// Runs a script three times: without checkpoints, with a checkpoint that is continuously written, and so that all but
/// the first and the last message that wait in a queue lie in pages that are not in memory.
pub(crate) fn run_with(options: &Options, script: &str) {
    let paged = IndexOptions { bytes_max: 24, page_messages: 1, record_pages: 2, ..IndexOptions::default() };
    for (checkpointing, index) in [(false, options.index), (true, options.index), (true, paged)] {
        let mut world = World::new(Options { index, ..options.clone() });
        world.checkpointing = checkpointing;
        interpret(world, script);
    }
}

fn interpret(world: World, script: &str) {
    let mut interpreter = Interpreter {
        world,
        handles: BTreeMap::new(),
        waiting: BTreeMap::new(),
        tasks: BTreeMap::new(),
        subscriptions: BTreeMap::new(),
        sequence_numbers: Vec::new(),
        names: BTreeMap::new(),
    };
    for (number, line) in script.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        interpreter.line(line, number + 1);
    }
    interpreter.world.check();
}

struct Interpreter {
    world: World,
    /// The handles of each message, in the order of its receives.
    handles: BTreeMap<String, Vec<ReceiptHandle>>,
    waiting: BTreeMap<String, RequestToken>,
    tasks: BTreeMap<String, MoveTaskHandle>,
    subscriptions: BTreeMap<String, topics::Known>,
    /// Those that were shown, in their order.
    sequence_numbers: Vec<SequenceNumber>,
    /// The messages that a look has shown, by their bodies.
    names: BTreeMap<String, MessageName>,
}

/// The words of a line. Words with `=` are options.
struct Words<'a> {
    plain: Vec<&'a str>,
    options: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Self {
        let (options, plain): (Vec<&str>, Vec<&str>) = line.split_whitespace().partition(|word| word.contains('='));
        Self { plain, options: options.iter().filter_map(|word| word.split_once('=')).collect() }
    }

    fn option(&self, name: &str) -> Option<&'a str> {
        self.options.iter().find(|(option, _)| *option == name).map(|(_, value)| *value)
    }

    fn seconds<T: TryFrom<i64, Error = OutOfRange>>(&self, name: &str) -> Option<T> {
        self.option(name).map(seconds)
    }

    fn number<T: TryFrom<i64, Error = OutOfRange>>(&self, name: &str) -> Option<T> {
        let number = |text: &str| T::try_from(text.parse().expect("a number")).expect("in its range");
        self.option(name).map(number)
    }

    fn changes(&self) -> Result<AttributeChanges, Fault> {
        let known = |name: &str| name.starts_with(char::is_uppercase);
        AttributeChanges::parse(self.options.iter().copied().filter(|(name, _)| known(name)))
    }
}

/// A span in whole seconds.
fn seconds<T: TryFrom<i64, Error = OutOfRange>>(text: &str) -> T {
    T::try_from(i64::try_from(millis(text) / 1000).expect("a span")).expect("in its range")
}

/// `30s`, `5ms`, `2m`, `1h`, `4d`.
fn millis(text: &str) -> u64 {
    let digits = text.find(|c: char| !c.is_ascii_digit()).expect("a unit");
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        other => panic!("no such unit: {other}"),
    };
    text[..digits].parse::<u64>().expect("a number") * unit
}

impl Interpreter {
    fn line(&mut self, line: &str, number: usize) {
        let (command, expected) = line.split_once("->").map_or((line, "ok"), |(c, e)| (c, e.trim()));
        let got = self.command(&Words::of(command));
        let got = self.without_handles(got);
        let name_only = !expected.contains(':');
        let fault = got.split_once(": ").filter(|(name, _)| name_only && name.chars().all(char::is_alphanumeric));
        let shown = fault.map_or(got.as_str(), |(name, _)| name);
        let expected = if expected == "?" { shown } else { expected };
        assert_eq!(shown, expected, "line {number}: {}\n      in full: {got}", line.trim());
    }

    fn command(&mut self, words: &Words<'_>) -> String {
        if let Some(reply) = self.native(words).or_else(|| self.selected(words)) {
            return reply;
        }
        let result = match words.plain[0] {
            "advance" => {
                self.world.advance(millis(words.plain[1]));
                return "ok".into();
            }
            "clock" => {
                self.world.set_clock(self.shifted(words.plain[1]));
                return "ok".into();
            }
            "restart-at" => {
                self.world.restart_at(self.shifted(words.plain[1]));
                return "ok".into();
            }
            "answers" => return self.answers(),
            "room" => {
                self.world.room = words.plain[1].parse().unwrap_or(usize::MAX);
                return "ok".into();
            }
            "caller" => {
                self.world.account = words.plain[1].parse().ok();
                return "ok".into();
            }
            "region" => {
                self.world.region = words.plain[1].parse().expect("a region");
                return "ok".into();
            }
            "restart" => {
                self.world.restart();
                return "ok".into();
            }
            "restart-earlier" => {
                self.world.restart_from_earlier(words.plain[1], words.plain[2]);
                return "ok".into();
            }
            "cancel" => {
                let token = self.waiting.remove(words.plain[1]).expect("a receive that waits");
                self.world.engine.cancel(token);
                return "ok".into();
            }
            "shutdown" => {
                let mut answers = Vec::new();
                self.world.engine.end_waits(&mut answers);
                self.world.late.extend(answers.iter().map(|answer| (answer.token, "nothing".into())));
                return "ok".into();
            }
            "damage" | "stall" => {
                let fault = if words.plain[0] == "damage" { ReadFault::Damaged } else { ReadFault::Unavailable };
                for body in &words.plain[1..] {
                    let records = self.world.records_of(body);
                    assert!(!records.is_empty(), "a message {body}");
                    self.world.faults.extend(records.into_iter().map(|record| (record, fault)));
                }
                return "ok".into();
            }
            "mend" => {
                let records = self.world.records_of(words.plain[1]);
                self.world.faults.retain(|record, _| !records.contains(record));
                return "ok".into();
            }
            "scrub" => return self.world.scrub().to_string(),
            "damaged" => return self.damaged(),
            "drop-damaged" => return self.drop_damaged(),
            "opt-out" => return self.opt_out(words.plain[1]),
            "messages" => return self.world.engine.message_count().to_string(),
            "receive" => return self.receive(words),
            other => self.request(other, words),
        };
        let reply = result.and_then(|request| self.world.ask(request));
        match reply {
            Ok(Reply::StartMessageMoveTask(handle)) => {
                self.tasks.insert(words.plain[1].into(), handle);
                "ok".into()
            }
            Ok(reply) => {
                let names = words.plain.get(2..).unwrap_or_default();
                self.render_topic_reply(&reply, names).unwrap_or_else(|| render_reply(&reply))
            }
            Err(fault) => render_fault(&fault),
        }
    }

    /// Now and a span with its sign.
    fn shifted(&self, span: &str) -> Timestamp {
        let (now, sign, span) = (self.world.now.as_millis(), &span[..1], millis(&span[1..]));
        Timestamp::from_millis(if sign == "+" { now + span } else { now - span })
    }

    fn request(&mut self, command: &str, words: &Words<'_>) -> Result<Request, Fault> {
        let argument = words.plain.get(1).copied().unwrap_or_default();
        let name_of = |name: &str| name.split_once('/').map_or(name, |(_, name)| name).to_owned();
        if command == "list" {
            let after = words.option("after").map(|name| name.parse().expect("a name"));
            let results_max = words.number("max").unwrap_or(PageSize::MAX);
            return Ok(Request::ListQueues(ListQueues { prefix: argument.into(), results_max, after }));
        }
        if let Some(request) = self.topic_request(command, words) {
            return request;
        }
        let queue = self.world.address(argument);
        Ok(match command {
            "create" => {
                let tags = words.options.iter().filter_map(|(k, v)| Some((k.strip_prefix("tag:")?, *v)));
                let (attributes, tags) = (words.changes()?, Tags::parse(tags)?);
                let name = name_of(argument).parse().expect("a name");
                Request::CreateQueue(CreateQueue { name, attributes, tags })
            }
            "set" => Request::SetQueueAttributes(SetQueueAttributes { queue, changes: words.changes()? }),
            "get" => {
                let names = words.plain[2..].iter().map(|name| name.parse::<QueueAttributeName>());
                Request::GetQueueAttributes(GetQueueAttributes { queue, names: names.collect::<Result<_, _>>()? })
            }
            "url" => Request::GetQueueUrl(GetQueueUrl { queue }),
            "drop" => Request::DeleteQueue(DeleteQueue { queue }),
            "purge" => Request::PurgeQueue(PurgeQueue { queue }),
            "sources" => {
                let after = words.option("after").map(|name| name.parse().expect("a name"));
                let results_max = words.number("max").unwrap_or(PageSize::MAX);
                Request::ListDeadLetterSourceQueues(ListDeadLetterSourceQueues { queue, results_max, after })
            }
            "tag" => {
                let tags = Tags::parse(words.options.iter().copied())?;
                Request::TagQueue(TagQueue { queue, tags })
            }
            "untag" => {
                let keys = TagKeys::parse(words.plain[2..].iter().copied())?;
                Request::UntagQueue(UntagQueue { queue, keys })
            }
            "tags" => Request::ListQueueTags(ListQueueTags { queue }),
            "allow" => Request::AddPermission(AddPermission {
                queue,
                label: PermissionLabel::parse(words.plain[2])?,
                accounts: vec![words.plain[3].parse().expect("an account")],
                actions: words.plain[4..].iter().map(|action| (*action).into()).collect(),
            }),
            "disallow" => {
                Request::RemovePermission(RemovePermission { queue, label: PermissionLabel::parse(words.plain[2])? })
            }
            "send" => {
                let message =
                    self.world.message(argument, words.plain[2], words.option("group"), words.option("id"))?;
                Request::SendMessage(SendMessage { queue, delay: words.seconds("delay"), message })
            }
            "batch" => {
                let (group, id) = (words.option("group"), words.option("id"));
                let entries = words.plain[2..].iter().map(|body| {
                    let body = padded(body);
                    match self.world.message(argument, &body, group, id) {
                        Ok(message) => SendEntry::new(words.seconds("delay"), message),
                        Err(fault) => SendEntry::refused(body.len() as u64, GivenIds::default(), fault),
                    }
                });
                Request::SendMessageBatch(SendMessageBatch::new(queue, batch(entries.collect()))?)
            }
            "delete" => {
                let handles: Vec<_> = words.plain[2..].iter().map(|word| self.handle(word)).collect();
                match handles.as_slice() {
                    [handle] => Request::DeleteMessage(DeleteMessage { queue, handle: Ok(*handle) }),
                    handles => {
                        let entries = batch(handles.iter().map(|handle| Ok(*handle)).collect());
                        Request::DeleteMessageBatch(DeleteMessageBatch { queue, entries })
                    }
                }
            }
            "change" => {
                let timeout = seconds(words.plain.last().expect("a span"));
                let handles: Vec<_> =
                    words.plain[2..words.plain.len() - 1].iter().map(|word| self.handle(word)).collect();
                match handles.as_slice() {
                    [handle] => {
                        let (handle, visibility_timeout) = (Ok(*handle), timeout);
                        Request::ChangeMessageVisibility(ChangeMessageVisibility { queue, handle, visibility_timeout })
                    }
                    handles => {
                        let entries = batch(handles.iter().map(|handle| Ok((*handle, timeout))).collect());
                        Request::ChangeMessageVisibilityBatch(ChangeMessageVisibilityBatch { queue, entries })
                    }
                }
            }
            "move" => Request::StartMessageMoveTask(StartMessageMoveTask {
                task: MoveTaskId::from_bytes(self.world.fresh_id()),
                source: queue,
                destination: words.option("to").map(|name| self.world.address(name)),
                rate_per_second: words.number("rate"),
            }),
            "stop" => {
                let handle = self.tasks.get(argument).expect("a task").clone();
                Request::CancelMessageMoveTask(CancelMessageMoveTask { handle })
            }
            "tasks" => {
                let results_max = words.number("max").unwrap_or(PageSize::MAX);
                Request::ListMessageMoveTasks(ListMessageMoveTasks { source: queue, results_max })
            }
            other => panic!("no such command: {other}"),
        })
    }

    fn receive(&mut self, words: &Words<'_>) -> String {
        let show: Vec<&str> = words.option("show").map(|facts| facts.split(',').collect()).unwrap_or_default();
        let request = Request::ReceiveMessage(ReceiveMessage {
            queue: self.world.address(words.plain[1]),
            messages_max: words.number("max").unwrap_or(MessageCount::MIN),
            visibility_timeout: words.seconds("visibility"),
            wait: match words.option("wait") {
                Some("forever") => Some(ReceiveWait::Forever),
                _ => words.seconds("wait").map(ReceiveWait::AtMost),
            },
            attempt: words.option("attempt").map(|id| ClientId::receive_attempt(id).expect("valid")),
        });
        match self.world.call(request) {
            (_, Some((outcome, after))) => {
                if let Outcome::Messages { messages: deliveries, .. } = &outcome {
                    let latest = deliveries.iter().map(|delivery| delivery.handle.message.get()).max().unwrap_or(0);
                    let is_whole = self.world.faults.is_empty();
                    assert!(after.get() == latest || !is_whole, "a receive waits for its messages");
                    for delivery in deliveries {
                        let body = self.world.open(delivery).body().to_owned();
                        self.handles.entry(body).or_default().push(delivery.handle);
                    }
                }
                self.world.render(&outcome, &show)
            }
            (token, None) => {
                self.waiting.insert(words.option("as").unwrap_or("w").into(), token);
                "waits".into()
            }
        }
    }

    /// The damaged messages, page by page.
    fn damaged(&mut self) -> String {
        let (mut after, mut texts) = (None, Vec::new());
        loop {
            let request = ListDamagedMessages { after, results_max: PageSize::ONE };
            match self.as_broker(Request::ListDamagedMessages(request)) {
                (_, Some((Outcome::Damaged(page), at))) => {
                    assert!(at.get() > 0, "a listing waits for what it shows");
                    after = page.next;
                    texts.push(self.world.render(&Outcome::Damaged(page), &[]));
                }
                other => panic!("{other:?}"),
            }
            if after.is_none() {
                return texts.join(" ");
            }
        }
    }

    fn drop_damaged(&mut self) -> String {
        let ids = self.world.engine.damaged().map(|message| message.id).collect();
        let request = DropDamagedMessages::new(ids).expect("a few");
        match self.as_broker(Request::DropDamagedMessages(request)) {
            (_, Some((Outcome::Reply(Ok(Reply::DroppedMessages(ids))), _))) => ids.len().to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn as_broker(&mut self, request: Request) -> (RequestToken, Option<(Outcome, Position)>) {
        self.world.as_broker = true;
        let answer = self.world.call(request);
        self.world.as_broker = false;
        answer
    }

    fn answers(&mut self) -> String {
        let late = core::mem::take(&mut self.world.late);
        let mut texts: Vec<String> = late
            .iter()
            .map(|(token, text)| {
                let name = self.waiting.iter().find(|(_, waiting)| *waiting == token).map(|(name, _)| name.clone());
                let name = name.expect("an answer to a receive that waits");
                self.waiting.remove(&name);
                format!("{name}: {text}")
            })
            .collect();
        texts.sort();
        if texts.is_empty() { "none".into() } else { texts.join("; ") }
    }

    /// A reply with `HANDLE` in the place of the text of a receipt handle.
    fn without_handles(&self, reply: String) -> String {
        if !reply.contains("ReceiptHandle") {
            return reply;
        }
        let handles = self.handles.values().flatten();
        handles.fold(reply, |reply, handle| reply.replace(presented(*handle).text(), "HANDLE"))
    }

    /// `m1` is the handle of the last receive of m1, `m1#2` that of the second.
    fn handle(&self, word: &str) -> PresentedHandle {
        let (body, receive) = word.split_once('#').unwrap_or((word, "0"));
        let handles = self.handles.get(body).expect("a message that was received");
        presented(match receive.parse::<usize>().expect("a number") {
            0 => *handles.last().expect("not empty"),
            nth => handles[nth - 1],
        })
    }
}

/// `x*1000` is a body of a thousand x.
fn padded(word: &str) -> String {
    match word.split_once('*') {
        Some((text, times)) => text.repeat(times.parse().expect("a number")),
        None => word.to_owned(),
    }
}

pub(crate) fn render_reply(reply: &Reply) -> String {
    let names = |page: &QueuePage| {
        let mut names: Vec<&str> = page.queues.iter().map(|queue| queue.name.as_str()).collect();
        if page.more {
            names.push("more");
        }
        if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
    };
    match reply {
        Reply::Done | Reply::Queue(_) | Reply::SendMessage(_) | Reply::StartMessageMoveTask(_) => "ok".into(),
        Reply::CancelMessageMoveTask(moved) => format!("moved={moved}"),
        Reply::Batch(batch) => failures(&batch.failed),
        Reply::SendMessageBatch(batch) => failures(&batch.failed),
        Reply::Attributes(view) => {
            let pairs: Vec<String> = view.iter().map(|(name, value)| format!("{name}={value}")).collect();
            if pairs.is_empty() { "nothing".into() } else { pairs.join(" ") }
        }
        Reply::Queues(page) => names(page),
        Reply::Tags(tags) => {
            let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            if pairs.is_empty() { "nothing".into() } else { pairs.join(" ") }
        }
        Reply::MoveTasks(tasks) => {
            let tasks: Vec<String> = tasks
                .iter()
                .map(|task| {
                    assert_eq!(task.handle.is_some(), task.status == MoveTaskStatus::Running);
                    let failure = task.failure.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
                    format!("{} {}/{}{failure}", task.status.as_str(), task.moved, task.to_move)
                })
                .collect();
            if tasks.is_empty() { "nothing".into() } else { tasks.join("; ") }
        }
        Reply::PushChanges(changes) => format!("changes={}", changes.changes.len()),
        Reply::Published(_) | Reply::MessagesSent(_) => "ok".into(),
        other => panic!("no reply that scripts know: {other:?}"),
    }
}

fn failures(failed: &[BatchFailure]) -> String {
    let failed: Vec<String> =
        failed.iter().map(|failure| format!("{} {}", failure.id.as_str(), fault_name(&failure.fault))).collect();
    if failed.is_empty() { "ok".into() } else { failed.join("; ") }
}

/// A fault's name and message.
pub(crate) fn render_fault(fault: &Fault) -> String {
    format!("{}: {}", fault_name(fault), posthouse_aws::fault_message(fault))
}

fn fault_name(fault: &Fault) -> String {
    let name = match fault {
        Fault::Sns(fault) => format!("{fault:?}"),
        Fault::Native(fault) => format!("{fault:?}"),
        fault => format!("{fault:?}"),
    };
    name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
