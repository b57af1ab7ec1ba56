//! The limit on values times conditions: which searches exceed it, and which do not.

use posthouse_filter::{Allowance, Dialect, Event, Index, Policy, Scope, Scratch, Unfinished};

/// An index of these policies. Their keys are their numbers.
fn indexed(policies: impl IntoIterator<Item = String>, dialect: Dialect) -> Index<u32> {
    let mut index = Index::new([5; 16]);
    for (key, text) in (0..).zip(policies) {
        let policy = Policy::parse(&text, Scope::MessageBody, dialect).unwrap_or_else(|error| panic!("{error:?}"));
        index.insert(key, &policy);
    }
    index
}

/// The result of a search. After a search that exceeds the limit, the scratch serves the next one.
fn find(index: &Index<u32>, body: &str) -> Result<Vec<u32>, Unfinished> {
    let (mut scratch, mut found) = (Scratch::new(), vec![77]);
    let event = Event::body(body).expect("an object");
    let result = index.find(&event, &mut Allowance::unlimited(), &mut scratch, &mut found);
    if result.is_err() {
        assert!(found.is_empty());
        let empty = Event::body("{}").expect("an object");
        assert_eq!(index.find(&empty, &mut Allowance::unlimited(), &mut scratch, &mut found), Ok(()));
        assert!(found.is_empty());
    }
    result.map(|()| found)
}

fn joined(count: usize, of: impl Fn(usize) -> String) -> String {
    (0..count).map(of).collect::<Vec<_>>().join(",")
}

/// A policy of 75 conditions that are each evaluated for each value.
fn all_but(policy: usize) -> String {
    let conditions = joined(75, |n| format!(r#"{{"anything-but":["","i{n}","j{policy}"]}}"#));
    format!(r#"{{"a":[{conditions}]}}"#)
}

/// A policy with a key that is met, and a key with 140 ranges, none of which holds.
fn beyond(policy: usize) -> String {
    let ranges = joined(140, |n| format!(r#"{{"numeric":[">",{}]}}"#, 1_000_000 + 1_000 * policy + n));
    format!(r#"{{"k":["go"],"a":[{ranges}]}}"#)
}

#[test]
fn too_many_values() {
    let numbers = joined(40_000, |n| n.to_string());
    let texts = joined(30_000, |n| format!("\"{n}\""));
    let halves = joined(20_000, |_| r#"{"x":1},{"y":1}"#.to_owned());
    let table = [
        ("conditions that almost all values meet", (0..10).map(all_but).collect(), format!(r#"{{"a":[{texts}]}}"#)),
        ("in nested arrays", (0..10).map(all_but).collect(), format!(r#"{{"a":[[[{texts}]],[]]}}"#)),
        ("clauses of which none holds", (0..10).map(beyond).collect(), format!(r#"{{"k":"go","a":[{numbers}]}}"#)),
        (
            "ranges that all hold",
            (0..100).map(|n| format!(r#"{{"a":[{{"numeric":["<",{}]}}]}}"#, 1_000_000 + n)).collect(),
            format!(r#"{{"a":[{numbers}]}}"#),
        ),
        (
            "elements none of which is met whole",
            (0..100).map(|n| format!(r#"{{"a":{{"x":[1],"y":[1,"{n}"]}}}}"#)).collect(),
            format!(r#"{{"a":[{halves}]}}"#),
        ),
        (
            "elements that lack a key",
            (0..100).map(|n| format!(r#"{{"a":{{"x":[1,"{n}"],"y":[2,{{"exists":true}}]}},"k":["go"]}}"#)).collect(),
            format!(r#"{{"k":"go","a":[{},{{"y":2}}]}}"#, joined(40_000, |_| r#"{"x":1}"#.to_owned())),
        ),
    ];
    for (name, policies, body) in table {
        let policies: Vec<_> = policies;
        assert_eq!(find(&indexed(policies, Dialect::Sns), &body), Err(Unfinished::TooManyValues), "{name}");
    }
    assert_eq!(
        Unfinished::TooManyValues.to_string(),
        "the message has too many values for the filter policies of its topic"
    );
}

/// Whatever costs time is work: conditions that are evaluated one by one, policies that are visited in vain, ranges that
/// hold. A search that would exceed its allowance ends, and one that does not takes its work off.
#[test]
fn all_work_is_limited() {
    let table = [
        ("conditions", (0..40).map(all_but).collect(), r#"{"a":"x"}"#),
        (
            "policies",
            (0..2_000).map(|n| format!(r#"{{"a":[1],"b":[{n},{n},2,{{"exists":true}}]}}"#)).collect(),
            r#"{"a":1}"#,
        ),
        ("ranges", (1..2_000).map(|n| format!(r#"{{"a":[{{"numeric":["<",{n}]}}]}}"#)).collect(), r#"{"a":0}"#),
        ("clauses", (0..40).map(beyond).collect(), r#"{"k":"go","a":5}"#),
        (
            "elements",
            (0..40).map(|n| format!(r#"{{"a":{{"x":[1],"y":[1,"{n}"]}}}}"#)).collect(),
            r#"{"a":[{"x":1},{"y":1},{"x":2},{"y":2}]}"#,
        ),
    ];
    for (name, policies, body) in table {
        let policies: Vec<_> = policies;
        let (index, event) = (indexed(policies, Dialect::Sns), Event::body(body).expect("an object"));
        let (mut scratch, mut found) = (Scratch::new(), vec![77]);
        let mut allowance = Allowance::of(1_000_000);
        assert_eq!(index.find(&event, &mut allowance, &mut scratch, &mut found), Ok(()), "{name}");
        let (work, expected) = (1_000_000 - allowance.left(), found.clone());
        assert!(work > 100, "{name}: {work}");
        let mut little = Allowance::of(work / 4);
        assert_eq!(index.find(&event, &mut little, &mut scratch, &mut found), Err(Unfinished::TooMuchWork), "{name}");
        assert!(found.is_empty(), "{name}");
        let mut exact = Allowance::of(work);
        assert_eq!(index.find(&event, &mut exact, &mut scratch, &mut found), Ok(()), "{name}");
        assert_eq!((exact.left(), &found), (0, &expected), "{name}");
    }
}

/// Each wildcard reads the text to its end.
#[test]
fn too_many_wildcards() {
    let wildcards = |count| (0..count).map(|n| format!(r#"{{"a":[{{"wildcard":"*x{n}*"}}]}}"#));
    let body = format!(r#"{{"a":"{}"}}"#, "a".repeat(250_000));
    assert_eq!(find(&indexed(wildcards(100), Dialect::EventBridge), &body), Ok(vec![]));
    assert_eq!(find(&indexed(wildcards(1_000), Dialect::EventBridge), &body), Err(Unfinished::TooManyValues));
}

/// A key that no element meets does not multiply the elements of other arrays: the time is in proportion to the event.
#[test]
fn arrays_beside_each_other() {
    let element = |_| r#"{"x":1,"c":[{"y":1},{"y":1}]}"#.to_owned();
    let arrays = ["a", "b", "d"].map(|name| format!(r#""{name}":[{}]"#, joined(4_000, element)));
    let body = format!(r#"{{"o":{{{}}}}}"#, arrays.join(","));
    let policies = [
        r#"{"o":{"a":{"x":[1]},"b":{"x":[1]},"d":{"x":[2,1]}}}"#,
        r#"{"o":{"a":{"c":{"y":[1]},"x":[1]},"d":{"x":[2],"c":{"y":[1]}}}}"#,
        r#"{"o":{"a":{"x":[1]},"b":{"x":[1,{"exists":false}]},"d":{"x":[{"exists":false}]}}}"#,
        r#"{"o.a.x":[1],"o.b.x":[1],"o.d.c.y":[1],"o.d.x":[2]}"#,
    ];
    assert_eq!(find(&indexed(policies.map(str::to_owned), Dialect::Sns), &body), Ok(vec![0]));
}

/// The recursion of matching is bounded by the parts of a policy, not by its dots.
#[test]
fn deep_paths() {
    let path = |parts: usize| vec!["a"; parts].join(".");
    let key = |parts: usize, last: &str| format!(r#""{}.{last}":[1]"#, path(parts));
    let deep = |parts: usize| format!("{{{},{}}}", key(parts, "b"), key(parts, "c"));
    let parse = |text: &str| Policy::parse(text, Scope::MessageBody, Dialect::Sns);
    assert!(parse(&deep(500)).is_err() && parse(&deep(100_000)).is_err());
    let index = indexed([deep(499)], Dialect::Sns);
    let body = format!("{}{}{}", r#"{"a":[{},"#.repeat(499), r#"{"b":1,"c":1}"#, "]}".repeat(499));
    assert_eq!(Event::body(&body).map(|_| ()), None, "deeper than the reader allows");
    let body = format!(r#"{{"{}":[{{}},{{"b":1,"{}":{{}},"c":1}}]}}"#, path(499), path(100_000));
    assert_eq!(find(&index, &body), Ok(vec![0]));
    let body = format!(
        "{}{}{}",
        r#"{"a":[{},"#.repeat(250),
        format_args!(r#"{{"{}":{{"b":1,"c":1}}}}"#, path(249)),
        "]}".repeat(250)
    );
    assert_eq!(find(&index, &body), Ok(vec![0]));
}

/// Equal values count once.
#[test]
fn equal_values() {
    let empty = joined(85_000, |_| "\"\"".to_owned());
    assert_eq!(find(&indexed((0..100).map(all_but), Dialect::Sns), &format!(r#"{{"a":[{empty}]}}"#)), Ok(vec![]));
    let few = joined(85_000, |n| (n % 3).to_string());
    let body = format!(r#"{{"k":"go","a":[{few}]}}"#);
    assert_eq!(find(&indexed((0..100).map(beyond), Dialect::Sns), &body), Ok(vec![]));
    let policies = ["[0]", "[2.0]", "[3]", r#"["0"]"#].map(|values| format!(r#"{{"a":{values}}}"#));
    assert_eq!(find(&indexed(policies, Dialect::Sns), &body), Ok(vec![0, 1]));
}

#[test]
fn large_messages_still_match() {
    let policies = [
        r#"{"a":[19999]}"#,
        r#"{"a":["19999"]}"#,
        r#"{"a":[{"numeric":[">",19998]}],"b":["x1","x0"]}"#,
        r#"{"a":[{"numeric":[">",19999]}]}"#,
        r#"{"a":[{"anything-but":[5]}],"b":[{"prefix":"x1"}]}"#,
        r#"{"b":[{"equals-ignore-case":"X19999"}]}"#,
        r#"{"b":[{"suffix":"19999"}],"c":[{"exists":false}]}"#,
        r#"{"c":[{"exists":true}]}"#,
        r#"{"i":{"n":[19999],"m":[-19999]}}"#,
        r#"{"i":{"n":[19999],"m":[-1]}}"#,
    ];
    let index = indexed(policies.map(str::to_owned), Dialect::Sns);
    let body = format!(
        r#"{{"a":[{}],"b":[{}],"i":[{}]}}"#,
        joined(20_000, |n| n.to_string()),
        joined(20_000, |n| format!("\"x{n}\"")),
        joined(20_000, |n| format!(r#"{{"n":{n},"m":-{n}}}"#)),
    );
    assert_eq!(find(&index, &body), Ok(vec![0, 2, 4, 5, 6, 8]));
}

/// The memory of a policy.
fn memory(text: &str) -> u64 {
    Policy::parse(text, Scope::MessageBody, Dialect::Sns).unwrap_or_else(|error| panic!("{error:?}")).memory_bytes()
}

/// Each row holds a policy and a larger one, which takes at least so many bytes more.
#[test]
fn the_memory_of_a_policy_follows_what_it_is_made_of() {
    let (short, dots, list) = (r#"{"a":["b"]}"#, ".x".repeat(900), joined(30_000, |n| format!("\"{n}\"")));
    let alternatives = joined(150, |n| format!(r#"{{"k{n}{}":["x"]}}"#, ".x".repeat(60)));
    let shared = |count| {
        let long = "l".repeat(100_000);
        format!(r#"{{"long":["{long}"],"$or":[{}]}}"#, joined(count, |n| format!(r#"{{"k{n}":[1]}}"#)))
    };
    let table = [
        ("a policy matches everything", "{}".to_owned(), short.to_owned(), 500),
        (
            "a text, in the policy and in its condition",
            short.to_owned(),
            format!(r#"{{"a":["{}"]}}"#, "b".repeat(1_000)),
            1_998,
        ),
        ("a value", short.to_owned(), r#"{"a":["b","c"]}"#.to_owned(), 256),
        ("parts of a name", short.to_owned(), format!(r#"{{"a{dots}":["b"]}}"#), 900 * 256),
        ("parts of the names of alternatives", short.to_owned(), format!(r#"{{"$or":[{alternatives}]}}"#), 9_000 * 256),
        ("elements of a list", short.to_owned(), format!(r#"{{"a":[{{"anything-but":[{list}]}}]}}"#), 30_000 * 60),
        ("white space", short.to_owned(), format!("{short}{}", " ".repeat(1_000)), 1_000),
        ("alternatives", shared(2), shared(150), 148 * 1_000),
    ];
    for (name, small, large, more) in table {
        let (small, large) = (memory(&small), memory(&large));
        assert!(large >= small + more, "{name}: {small}, {large}");
    }
    assert!(memory(&shared(150)) < 2 * 100_000 + 150 * 2_000, "what alternatives share counts once");
}
