//! What the core loop, the log, the queues and the topics count, as an [`Inspection`] reports it.

use std::time::Duration;

use posthouse_core::Inspection;
use posthouse_engine::{AllQueues, AllTopics, QueueOverview, TopicOverview};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::text::{Encoded, counter, gauge, histogram, real_gauge, signed};

/// Writes everything, for a collector of the broker's registry.
pub(super) fn encode(inspection: &Inspection, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let overview = &inspection.overview;
    loop_and_log(encoder, inspection)?;
    all_queues(encoder, &overview.all_queues, overview.queues.len() as u64)?;
    all_topics(encoder, &overview.all_topics, overview.topics.len() as u64)?;
    queues(encoder, &overview.queues)?;
    topics(encoder, &overview.topics)
}

fn loop_and_log(encoder: &mut DescriptorEncoder<'_>, view: &Inspection) -> Encoded {
    gauge(encoder, "inbox_requests", "Requests that wait for the core loop", view.inbox_length as u64)?;
    gauge(encoder, "waiting_receives", "Receives that wait for messages", view.waiting_receives as u64)?;
    counter(encoder, "core_requests", "Requests that the core loop has taken up", view.core.requests)?;
    checkpoints_and_start(encoder, view)?;
    histogram(encoder, "commit_seconds", "Seconds that one durable write took", &view.core.commit_seconds)?;
    histogram(encoder, "commit_records", "Records that one durable write held", &view.core.commit_records)?;
    counter(encoder, "log_written_bytes", "Bytes written to the log, in whole blocks", view.log.bytes_written)?;
    counter(encoder, "log_appended_bytes", "Bytes appended to the log", view.log.bytes_appended)?;
    counter(encoder, "log_commits", "Durable writes", view.log.commits)?;
    cold_reads(encoder, &view.log)?;
    damage_and_scrubber(encoder, view)?;
    compaction(encoder, view)?;
    counter(encoder, "log_segments_recycled", "Segments used again", view.log.segments_recycled)?;
    gauge(encoder, "log_unsynced_bytes", "Bytes that wait to become durable", view.log.unsynced_bytes)?;
    gauge(encoder, "log_tail_bytes", "Memory of the newest records", view.log.tail_bytes)?;
    let index = &view.index;
    gauge(encoder, "index_memory_pages", "Full pages of waiting messages in memory", index.pages_in_memory)?;
    gauge(encoder, "index_page_records", "Records that hold pages of waiting messages", index.page_records)?;
    let help = "Records whose pages of waiting messages are not in memory";
    gauge(encoder, "index_page_records_unread", help, index.page_records_on_disk)?;
    files(encoder, &view.log)?;
    let help = "Segments of the log by the key that they are encrypted with; `none` for those that are not encrypted";
    let mut segments = encoder.encode_descriptor("log_segments_by_key", help, None, MetricType::Gauge)?;
    for (key, count) in &view.segments_by_key {
        let key = key.map_or_else(|| "none".to_owned(), |key| key.to_string());
        ConstGauge::new(signed(*count)).encode(segments.encode_family(&[("key", key.as_str())])?)?;
    }
    gauge(encoder, "storage_full", "1 where the disk is full and sends are refused", u64::from(view.storage_full))?;
    gauge(
        encoder,
        "log_failed",
        "1 where the log has failed and everything is refused",
        u64::from(view.failure.is_some()),
    )
}

/// What a restart would read, and what the last one read.
fn checkpoints_and_start(encoder: &mut DescriptorEncoder<'_>, view: &Inspection) -> Encoded {
    counter(encoder, "checkpoints", "Checkpoints completed", view.core.checkpoints)?;
    let help = "Bytes of log from the beginnings of checkpoints to their ends, events between their parts included";
    counter(encoder, "checkpoint_bytes", help, view.core.checkpoint_bytes)?;
    let last = view.core.last_checkpoint;
    let help = "Bytes of the latest checkpoint, 0 if there was none since the start";
    gauge(encoder, "checkpoint_last_bytes", help, last.map_or(0, |last| last.bytes))?;
    let seconds = |duration: Option<Duration>| duration.unwrap_or_default().as_secs_f64();
    let help = "How long the latest checkpoint took until it was durable, 0 if there was none since the start";
    real_gauge(encoder, "checkpoint_last_seconds", help, seconds(last.map(|last| last.took)))?;
    let help = "Age of the latest checkpoint, 0 if there was none since the start";
    real_gauge(encoder, "checkpoint_age_seconds", help, seconds(view.since_checkpoint))?;
    let help = "How long the start took: finding the log (`open`), reading and applying its events (`replay`), and \
                opening it for appending (`finish`)";
    let start = view.core.start;
    let mut family = encoder.encode_descriptor("start_seconds", help, None, MetricType::Gauge)?;
    for (part, took) in [("open", start.open), ("replay", start.replay), ("finish", start.finish)] {
        ConstGauge::new(took.as_secs_f64()).encode(family.encode_family(&[("part", part)])?)?;
    }
    gauge(encoder, "start_records", "Records that the start replayed", start.records)?;
    gauge(encoder, "start_bytes", "Bytes of records that the start read", start.bytes)
}

/// The files of the log, and what they hold.
fn files(encoder: &mut DescriptorEncoder<'_>, log: &posthouse_log::Stats) -> Encoded {
    let help = "Files of the log: `open` ones that records are or will be appended to, closed ones with messages (`live`), \
                closed ones that only a restart would read (`replayed`), and spares prepared for later (`spare`)";
    let mut segments = encoder.encode_descriptor("log_segments", help, None, MetricType::Gauge)?;
    let counts = [
        ("open", log.segments_open),
        ("live", log.segments_live),
        ("replayed", log.segments_replayed),
        ("spare", log.spares),
    ];
    for (state, count) in counts {
        ConstGauge::new(signed(count)).encode(segments.encode_family(&[("state", state)])?)?;
    }
    let help = "Bytes of the log before its end: of messages that are there (`live`), and all others (`dead`). A message \
                in several queues counts in each, but no file for more than it holds";
    let mut bytes = encoder.encode_descriptor("log_bytes", help, None, MetricType::Gauge)?;
    for (state, count) in [("live", log.live_bytes), ("dead", log.dead_bytes)] {
        ConstGauge::new(signed(count)).encode(bytes.encode_family(&[("state", state)])?)?;
    }
    let help = "Bytes of all files of the log, spares included";
    gauge(encoder, "log_file_bytes", help, log.segment_bytes + log.spare_bytes)
}

/// What was read that is no longer in the log's tail.
fn cold_reads(encoder: &mut DescriptorEncoder<'_>, log: &posthouse_log::Stats) -> Encoded {
    counter(encoder, "log_cold_reads", "Reads that went to the disk", log.cold_reads)?;
    let help = "Bytes that these reads brought, but for those of the scrubber";
    counter(encoder, "log_cold_read_bytes", help, log.cold_read_bytes)?;
    let help = "Records that were asked for and are not among the newest: in the cache of what was read (`hit`), \
                in a read that was planned or under way (`joined`), or in neither (`miss`)";
    let mut records = encoder.encode_descriptor("log_cold_records", help, None, MetricType::Counter)?;
    let found = log.read_cache_hits + log.read_cache_joined;
    let outcomes = [
        ("hit", log.read_cache_hits),
        ("joined", log.read_cache_joined),
        ("miss", log.cold_records.saturating_sub(found)),
    ];
    for (outcome, count) in outcomes {
        ConstCounter::new(count).encode(records.encode_family(&[("outcome", outcome)])?)?;
    }
    counter(encoder, "log_read_ahead_bytes", "Bytes that were read ahead", log.read_ahead_bytes)?;
    let help = "Bytes that were read ahead and dropped before any of them was needed";
    counter(encoder, "log_read_ahead_unused_bytes", help, log.read_ahead_unused_bytes)?;
    gauge(encoder, "log_read_cache_bytes", "Memory of what was read from the disk", log.read_cache_bytes)
}

/// The sums over all queues, so that those that are not listed by name count too.
fn all_queues(encoder: &mut DescriptorEncoder<'_>, all: &AllQueues, listed: u64) -> Encoded {
    gauge(encoder, "queues", "Queues", all.count)?;
    let help = "Queues that are not listed by name: `limits.metrics_queues_max`";
    gauge(encoder, "queues_unlisted", help, all.count.saturating_sub(listed))?;
    gauge(encoder, "messages_visible", "Messages that can be received, in all queues", all.visible)?;
    gauge(encoder, "messages_in_flight", "Messages received and not deleted, in all queues", all.in_flight)?;
    gauge(encoder, "messages_delayed", "Messages whose delay is not over, in all queues", all.delayed)?;
    counter(encoder, "messages_sent", "Messages put into all queues", all.counters.sent)?;
    counter(encoder, "messages_received", "Messages handed to consumers of all queues", all.counters.received)?;
    counter(encoder, "messages_deleted", "Messages deleted by consumers of all queues", all.counters.deleted)?;
    let help = "Messages moved to dead-letter queues, from all queues";
    counter(encoder, "messages_dead_lettered", help, all.counters.dead_lettered)?;
    let help = "Messages whose retention period ended, in all queues";
    counter(encoder, "messages_expired", help, all.counters.expired)?;
    let help = "Messages set aside because they could not be read, in all queues";
    counter(encoder, "messages_set_aside", help, all.counters.set_aside)
}

/// The sums over all topics, so that those that are not listed by name count too.
fn all_topics(encoder: &mut DescriptorEncoder<'_>, all: &AllTopics, listed: u64) -> Encoded {
    gauge(encoder, "topics", "Topics", all.count)?;
    let help = "Topics that are not listed by name: `limits.metrics_queues_max`";
    gauge(encoder, "topics_unlisted", help, all.count.saturating_sub(listed))?;
    gauge(encoder, "subscriptions_confirmed", "Subscriptions that get messages, of all topics", all.confirmed)?;
    let help = "Subscriptions that wait for their confirmation, of all topics";
    gauge(encoder, "subscriptions_pending", help, all.pending)?;
    let help = "Messages that wait to be pushed, of all topics, those under way included";
    gauge(encoder, "messages_undelivered", help, all.undelivered)?;
    counter(encoder, "messages_published", "Messages published to all topics", all.counters.published)?;
    counter(encoder, "messages_matched", "Subscriptions that these went to", all.counters.matched)?;
    counter(encoder, "deliveries_failed", "Deliveries that failed for good, of all topics", all.counters.failed)
}

fn damage_and_scrubber(encoder: &mut DescriptorEncoder<'_>, view: &Inspection) -> Encoded {
    let help = "Messages that cannot be read and were set aside, in all queues: nothing but an operator ends that";
    gauge(encoder, "damaged_messages", help, view.overview.damaged)?;
    let help = "Segments that cannot be used again because they hold damaged messages, counted up to 10,000 messages";
    gauge(encoder, "damaged_segments", help, view.damaged_segments)?;
    counter(encoder, "damage_found", "Times that damage was met, by receives or by the scrubber", view.damage_found)?;
    let help = "Records that were read once more, because the first read was not valid or failed";
    counter(encoder, "log_cold_reads_repeated", help, view.log.cold_reads_repeated)?;
    let help = "Lines that are missing in the log of the broker, because its output was behind";
    counter(encoder, "incidents_dropped", help, view.incidents_dropped)?;
    counter(encoder, "scrub_bytes", "Bytes that the scrubber has read", view.log.scrubbed_bytes)?;
    counter(encoder, "scrub_segments", "Closed segments that the scrubber has read", view.log.scrubbed_segments)?;
    let help = "Closed segments that the scrubber could not read, for another reason than damage";
    counter(encoder, "scrub_failures", help, view.log.scrub_failures)?;
    counter(encoder, "scrub_passes", "Times that the scrubber has read all closed segments", view.scrub.passes)?;
    let help = "How long the scrubber took the last time for all closed segments, 0 before";
    gauge(encoder, "scrub_last_pass_seconds", help, view.scrub.last_pass.as_secs())?;
    let help = "Closed segments that the scrubber has still to read; 0 while it rests";
    gauge(encoder, "scrub_segments_left", help, view.scrub.segments_left)
}

/// What was moved out of segments that were mostly dead.
fn compaction(encoder: &mut DescriptorEncoder<'_>, view: &Inspection) -> Encoded {
    let (done, log) = (view.compaction, &view.log);
    counter(encoder, "compaction_passes", "Passes of compaction that ended", done.passes)?;
    counter(encoder, "compaction_segments_emptied", "Files of the log that were emptied", log.segments_emptied)?;
    let help = "Files of the log that could not be emptied, because a record in them, or a page that leads to one, cannot be \
                read. They are not tried again before a restart";
    counter(encoder, "compaction_segments_given_up", help, done.segments_given_up)?;
    counter(encoder, "compaction_records_moved", "Records that were moved", log.relocated_records)?;
    counter(encoder, "compaction_bytes_moved", "Bytes of records that were moved", log.relocated_bytes)?;
    let help = "Dead bytes of closed files beyond what is allowed: what compaction is to free";
    gauge(encoder, "compaction_pending_bytes", help, done.pending_bytes)?;
    gauge(encoder, "compaction_segments_under_way", "Files that are being emptied", done.segments_under_way)?;
    let help = "Records that are not where they were written";
    gauge(encoder, "compaction_records", help, log.relocations)?;
    gauge(encoder, "compaction_table_bytes", "Memory of the table that says where these are", log.relocation_bytes)?;
    let help = "1 if that table is full, so that files stay which should be emptied: `storage.index_bytes_max`";
    gauge(encoder, "compaction_table_full", help, u64::from(done.is_table_full))
}

fn queues(encoder: &mut DescriptorEncoder<'_>, queues: &[QueueOverview]) -> Encoded {
    type Value = fn(&QueueOverview) -> u64;
    let gauges: [(&str, &str, Value); 5] = [
        ("queue_messages_damaged", "Messages that cannot be read and were set aside", |queue| queue.damaged),
        ("queue_messages_visible", "Messages that can be received", |queue| queue.visible),
        ("queue_messages_in_flight", "Messages received and not deleted", |queue| queue.in_flight),
        ("queue_messages_delayed", "Messages whose delay is not over", |queue| queue.delayed),
        ("queue_oldest_message_age_seconds", "Age of the oldest message, 0 without one", |queue| {
            queue.oldest_age.unwrap_or_default().as_secs()
        }),
    ];
    for (name, help, value) in gauges {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for queue in queues {
            with_labels(queue, |labels| ConstGauge::new(signed(value(queue))).encode(family.encode_family(&labels)?))?;
        }
    }
    let counters: [(&str, &str, Value); 6] = [
        ("queue_messages_set_aside", "Messages set aside because they could not be read", |queue| {
            queue.counters.set_aside
        }),
        ("queue_messages_sent", "Messages put into the queue", |queue| queue.counters.sent),
        ("queue_messages_received", "Messages handed to consumers", |queue| queue.counters.received),
        ("queue_messages_deleted", "Messages deleted by consumers", |queue| queue.counters.deleted),
        ("queue_messages_dead_lettered", "Messages moved to the dead-letter queue", |queue| {
            queue.counters.dead_lettered
        }),
        ("queue_messages_expired", "Messages whose retention period ended", |queue| queue.counters.expired),
    ];
    for (name, help, value) in counters {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for queue in queues {
            with_labels(queue, |labels| ConstCounter::new(value(queue)).encode(family.encode_family(&labels)?))?;
        }
    }
    Ok(())
}

fn topics(encoder: &mut DescriptorEncoder<'_>, topics: &[TopicOverview]) -> Encoded {
    type Value = fn(&TopicOverview) -> u64;
    let gauges: [(&str, &str, Value); 3] = [
        ("topic_subscriptions_confirmed", "Subscriptions that get messages", |topic| topic.confirmed),
        ("topic_subscriptions_pending", "Subscriptions that wait for their confirmation", |topic| topic.pending),
        ("topic_messages_undelivered", "Messages that wait to be pushed, those under way included", |topic| {
            topic.undelivered
        }),
    ];
    for (name, help, value) in gauges {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for topic in topics {
            with_topic(topic, |labels| ConstGauge::new(signed(value(topic))).encode(family.encode_family(&labels)?))?;
        }
    }
    let counters: [(&str, &str, Value); 3] = [
        ("topic_messages_published", "Messages published, duplicates not counted", |topic| topic.counters.published),
        ("topic_messages_matched", "Subscriptions that messages went to", |topic| topic.counters.matched),
        ("topic_deliveries_failed", "Deliveries that failed for good", |topic| topic.counters.failed),
    ];
    for (name, help, value) in counters {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for topic in topics {
            with_topic(topic, |labels| ConstCounter::new(value(topic)).encode(family.encode_family(&labels)?))?;
        }
    }
    Ok(())
}

fn with_topic(topic: &TopicOverview, encode: impl FnOnce([(&str, &str); 3]) -> Encoded) -> Encoded {
    let account = topic.address.account.to_string();
    encode([("account", &account), ("region", topic.address.region.as_str()), ("topic", topic.address.name.as_str())])
}

fn with_labels(queue: &QueueOverview, encode: impl FnOnce([(&str, &str); 3]) -> Encoded) -> Encoded {
    let account = queue.address.account.to_string();
    encode([("account", &account), ("region", queue.address.region.as_str()), ("queue", queue.address.name.as_str())])
}
