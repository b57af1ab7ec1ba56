//! Finding the subscriptions whose filter policies match a message of 300 bytes with 5 attributes.
//!
//!     cargo bench -p posthouse-bench --bench filter
//!
//! The baseline is the `quamina` crate, which matches JSON events against patterns of the same grammar. It gets the
//! same policies in the same run, which use only operators that both support (no `$or`). For quamina the attributes are
//! one JSON object, with strings for String attributes and numbers for Number attributes. Its limits on the size of its
//! automaton are lifted. It takes part in "mixed" only, because its release 0.7 panics if one value meets more than 255
//! conditions of a key. "body" matches the same object as a message body, so that both sides parse JSON. Each iteration
//! begins with the received message: it includes making the event here, and parsing JSON in quamina. "on the
//! core loop" measures the matching without making the event, which the broker does on the thread that submits the
//! publication.
//!
//! - mixed: policies of ten kinds, exact, prefix, suffix, equals-ignore-case, numeric, cidr, anything-but and exists,
//!   of one to three keys; 10 match, one of each kind.
//! - crowded: policies none of whose keys is rare (one event type of ten, any region but one, a price above one of a
//!   thousand); 10 match. Most of the index's work are candidates that do not match.
//! - equal: all policies are one of a hundred; those of one match.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use posthouse_bench::measures;
use posthouse_filter::{Allowance, Attribute, Dialect, Event, Index, Policy, Scope, Scratch, Value};
use quamina::{Quamina, QuaminaBuilder};

/// The message. Of each kind of policy, the one with number 42 matches it.
const ATTRIBUTES: [Attribute<'_>; 5] = [
    Attribute { name: "type", value: Value::String("order-placed-2") },
    Attribute { name: "store", value: Value::String("store-0042-Zurich-Bahnhofstrasse-flagship-ground-floor") },
    Attribute {
        name: "document",
        value: Value::String(
            "tenants/0042/departments/accounting/invoices/incoming/2026/11/suppliers/international/supplier-000814/originals/scanned/invoice-2026-11-0042.pdf",
        ),
    },
    Attribute { name: "source-address", value: Value::String("10.0.42.17") },
    Attribute { name: "price", value: Value::Number("42.50") },
];

const KINDS: usize = 10;

/// The policy of a number.
type Workload = fn(usize) -> String;

fn mixed(number: usize) -> String {
    let (kind, i) = (number % KINDS, number / KINDS);
    let store = "Zurich-Bahnhofstrasse-flagship-ground-floor";
    match kind {
        0 => format!(r#"{{"store":["store-{i:04}-{store}"]}}"#),
        1 => format!(r#"{{"type":["order-placed-2","order-placed-3"],"store":["store-{i:04}-{store}","store-{i}"]}}"#),
        2 => format!(r#"{{"document":[{{"prefix":"tenants/{i:04}/"}}]}}"#),
        3 => format!(r#"{{"document":[{{"suffix":"-{i:04}.pdf"}}]}}"#),
        4 => format!(r#"{{"store":[{{"equals-ignore-case":"STORE-{i:04}-{store}"}}]}}"#),
        5 => format!(r#"{{"price":[{{"numeric":[">=",{i},"<",{}]}}]}}"#, i + 1),
        6 => format!(r#"{{"price":[{{"numeric":["=",{i}.5]}}],"type":[{{"prefix":"order-"}}]}}"#),
        7 => {
            format!(
                r#"{{"type":[{{"anything-but":["order-placed-{}"]}}],"store":["store-{i:04}-{store}"]}}"#,
                (i + 1) % 10
            )
        }
        8 => {
            let prefix = format!(r#"[{{"prefix":"tenants/{i:04}/departments"}}]"#);
            format!(r#"{{"price":[{{"exists":true}}],"withdrawn":[{{"exists":false}}],"document":{prefix}}}"#)
        }
        _ => format!(r#"{{"source-address":[{{"cidr":"10.{}.{}.0/24"}}]}}"#, i / 256, i % 256),
    }
}

fn crowded(number: usize) -> String {
    let (event, region, price) = (number % 10, number / 10 % 20, number / 10 % 1_000);
    format!(
        r#"{{"type":["order-placed-{event}"],"store":[{{"anything-but":["region-{region}"]}}],"price":[{{"numeric":[">",{}]}}]}}"#,
        f64::from(u32::try_from(price).expect("small")) * 4.25
    )
}

fn equal(number: usize) -> String {
    format!(r#"{{"type":["order-placed-{}"],"price":[{{"numeric":[">",5]}}]}}"#, number % 100)
}

/// The attributes as one JSON object.
fn as_json() -> String {
    let members = ATTRIBUTES.map(|Attribute { name, value }| match value {
        Value::String(text) => format!(r#""{name}":"{text}""#),
        Value::Number(text) => format!(r#""{name}":{text}"#),
        Value::StringArray(_) | Value::Binary => unreachable!("there are none"),
    });
    let json = format!("{{{}}}", members.join(","));
    assert!((290..=310).contains(&json.len()), "{} bytes", json.len());
    json
}

fn parse(text: &str, scope: Scope) -> Policy {
    Policy::parse(text, scope, Dialect::Sns).expect("a valid policy")
}

fn indexed(policies: &[String], scope: Scope) -> Index<u32> {
    let mut index = Index::new(*b"seed of the maps");
    for (key, policy) in (0..).zip(policies) {
        index.insert(key, &parse(policy, scope));
    }
    index
}

fn automaton(policies: &[String]) -> Quamina<u32> {
    let builder = QuaminaBuilder::new().with_arena_byte_budget(usize::MAX).with_max_states_per_pattern(usize::MAX);
    let mut quamina = builder.build().expect("a valid configuration");
    for (key, policy) in (0..).zip(policies) {
        quamina.add_pattern(key, policy).expect("a valid pattern");
    }
    quamina
}

fn find(c: &mut Criterion) {
    let large = if measures() { &[10_000, 100_000][..] } else { &[1_000] };
    let workloads: [(&str, Workload); 3] = [("mixed", mixed), ("crowded", crowded), ("equal", equal)];
    let json = as_json();
    for (name, policy) in workloads {
        for &count in large {
            let policies: Vec<_> = (0..count).map(policy).collect();
            let mut group = c.benchmark_group(format!("filter/{name}, {count} policies"));
            group.throughput(Throughput::Elements(1));
            let (mut scratch, mut found) = (Scratch::new(), Vec::new());

            let index = indexed(&policies, Scope::MessageAttributes);
            index
                .find(&Event::attributes(ATTRIBUTES), &mut Allowance::unlimited(), &mut scratch, &mut found)
                .expect("few values");
            let expected = found.clone();
            group.bench_function(format!("attributes, {} match", expected.len()), |b| {
                b.iter(|| {
                    index
                        .find(
                            &Event::attributes(black_box(ATTRIBUTES)),
                            &mut Allowance::unlimited(),
                            &mut scratch,
                            &mut found,
                        )
                        .expect("few values");
                    black_box(&found);
                });
            });

            let event = Event::attributes(ATTRIBUTES);
            group.bench_function(format!("attributes on the core loop, {} match", expected.len()), |b| {
                b.iter(|| {
                    index
                        .find(black_box(&event), &mut Allowance::unlimited(), &mut scratch, &mut found)
                        .expect("few values");
                    black_box(&found);
                });
            });

            let index = indexed(&policies, Scope::MessageBody);
            group.bench_function(format!("body, {} match", expected.len()), |b| {
                b.iter(|| {
                    let event = Event::body(black_box(&json)).expect("an object");
                    index.find(&event, &mut Allowance::unlimited(), &mut scratch, &mut found).expect("few values");
                    black_box(&found);
                });
            });
            assert_eq!(found, expected);

            if name != "mixed" {
                continue;
            }
            let quamina = automaton(&policies);
            let mut matches = quamina.matches_for_event(json.as_bytes()).expect("a valid event");
            matches.sort_unstable();
            assert_eq!(matches, expected, "quamina means the same");
            group.bench_function(format!("quamina, {} match", expected.len()), |b| {
                b.iter(|| black_box(quamina.matches_for_event(black_box(json.as_bytes()))));
            });
        }
    }
}

fn change(c: &mut Criterion) {
    let count = if measures() { 10_000 } else { 1_000 };
    let policies: Vec<_> = (0..count).map(mixed).collect();
    let parsed: Vec<_> = policies.iter().map(|policy| parse(policy, Scope::MessageAttributes)).collect();
    let mut index = indexed(&policies, Scope::MessageAttributes);
    let mut group = c.benchmark_group(format!("filter/change, {count} policies"));
    group.throughput(Throughput::Elements(1));
    let mut turn = (0_u32..).zip(parsed.iter().cycle().skip(count / 2)).map(|(key, policy)| {
        // A key that exists.
        (key % u32::try_from(count).expect("small"), policy)
    });
    group.bench_function("replace", |b| {
        b.iter_batched(
            || turn.next().expect("endless"),
            |(key, policy)| index.insert(key, policy),
            BatchSize::SmallInput,
        );
    });
    let mut texts = policies.iter().cycle();
    group.bench_function("parse", |b| {
        b.iter(|| black_box(parse(texts.next().expect("endless"), Scope::MessageAttributes)));
    });
    group.finish();
}

criterion_group!(benches, find, change);
criterion_main!(benches);
