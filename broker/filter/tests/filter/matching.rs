//! What matches, operator by operator, as tables.
//!
//! A table begins with a policy. Each line behind it is an event and states whether it matches. If the policy is about
//! the body, an event is a JSON object. Otherwise it is a list of attributes: `name=text` is a String, `name#text` a
//! Number, `name@text` a String.Array and `name!` a Binary.

use posthouse_filter::{Allowance, Attribute, Dialect, Event, Index, Policy, Scope, Scratch, Value};

fn attribute(text: &str) -> Attribute<'_> {
    let place = text.find(['=', '#', '@', '!']).expect("an attribute has a type");
    let value = &text[place + 1..];
    let value = match &text[place..=place] {
        "=" => Value::String(value),
        "#" => Value::Number(value),
        "@" => Value::StringArray(value),
        _ => Value::Binary,
    };
    Attribute { name: &text[..place], value }
}

/// Checks tables. Each event is matched against the policy and searched in an index that holds it.
fn check(scope: Scope, dialect: Dialect, tables: &str) {
    let (mut policy, mut index, mut scratch, mut found) = (None, Index::new([7; 16]), Scratch::new(), Vec::new());
    for line in tables.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        if word == "policy" {
            let parsed = Policy::parse(rest, scope, dialect).unwrap_or_else(|error| panic!("{rest}: {error:?}"));
            index.insert(0, &parsed);
            policy = Some(parsed);
            continue;
        }
        let event = match scope {
            Scope::MessageAttributes => Event::attributes(rest.split_whitespace().map(attribute)),
            Scope::MessageBody => Event::body(rest).unwrap_or_else(|| panic!("no JSON object: {rest}")),
        };
        let expected = match word {
            "yes" => true,
            "no" => false,
            _ => panic!("no such line: {line}"),
        };
        assert_eq!(policy.as_ref().expect("a policy is first").matches(&event), expected, "{policy:?}: {line}");
        index.find(&event, &mut Allowance::unlimited(), &mut scratch, &mut found).expect("few values");
        assert_eq!(!found.is_empty(), expected, "in an index, {policy:?}: {line}");
    }
}

fn attributes(tables: &str) {
    check(Scope::MessageAttributes, Dialect::Sns, tables);
}

fn body(tables: &str) {
    check(Scope::MessageBody, Dialect::Sns, tables);
}

#[test]
fn exact_strings() {
    attributes(
        r#"
        policy {"color": ["red", "green"]}
        yes    color=red
        yes    color=green size=4
        yes    color@["blue","red"]
        no     color=Red
        no     color=redder
        no     color=
        no     colour=red
        no     color@["blue"]
        no     color@[]
        no     color!
        no

        policy {"id": ["5"]}
        yes    id=5
        no     id#5
        no     id@[5]

        policy {"gr\u00fc\u00dfe": ["\ud83d\ude00"]}
        yes    grüße=😀
        "#,
    );
}

#[test]
fn exact_numbers() {
    attributes(
        r#"
        policy {"price": [301.5, 3]}
        yes    price#301.5
        yes    price#301.50
        yes    price#3015e-1
        yes    price#3.0
        yes    price@[1,3]
        no     price#301.50001
        yes    price#301.5000001
        no     price#301.500001
        no     price=3
        no     price#
        no     price#cheap

        policy {"price": [0, -1000000000, 999999999.99999]}
        yes    price#-0.0
        yes    price#-1e9
        yes    price#999999999.99999
        no     price#1000000000
        no     price#999999999.99998

        policy {"price": [9007199254740993, 100.123456789, 1e999]}
        yes    price#9007199254740993.0
        yes    price#100.1234567
        yes    price@[100.123456]
        yes    price#1000e996
        no     price#9007199254740992
        no     price#9007199254740994
        no     price#1e998
        no     price#-1e999

        policy {"price": [{"anything-but": 9007199254740993}]}
        yes    price#9007199254740992
        no     price#9007199254740993
        "#,
    );
}

#[test]
fn keywords() {
    attributes(
        r#"
        policy {"flags": [true]}
        yes    flags@[false,true]
        no     flags@[false,null,"true"]
        no     flags=true

        policy {"flags": [null, false]}
        yes    flags@[null]
        yes    flags@[false]
        no     flags@[true]
        no     flags=null
        no
        "#,
    );
    body(
        r#"
        policy {"flag": [true, null]}
        yes    {"flag": true}
        yes    {"flag": null}
        no     {"flag": false}
        no     {"flag": "true"}
        no     {}
        "#,
    );
}

#[test]
fn anything_but() {
    attributes(
        r#"
        policy {"sport": [{"anything-but": ["rugby", "tennis"]}]}
        yes    sport=football
        yes    sport#100
        yes    sport@["rugby","football"]
        no     sport=rugby
        no     sport=tennis
        no     sport@["rugby","tennis"]
        no     sport@[]
        no     sport!
        no     other=football

        policy {"sport": [{"anything-but": "rugby"}]}
        yes    sport=tennis
        no     sport=rugby

        policy {"price": [{"anything-but": [100, 500]}]}
        yes    price#101
        yes    price#100.1
        yes    price=100
        no     price#100.0
        no     price#5e2

        policy {"price": [{"anything-but": 100}]}
        yes    price#99
        no     price#100

        policy {"event": [{"anything-but": {"prefix": "order-"}}]}
        yes    event=data-entry
        yes    event@["order-1","data"]
        no     event=order-number
        no     event@["order-1","order-2"]

        policy {"sport": ["rugby", {"anything-but": ["rugby", "tennis"]}]}
        yes    sport=rugby
        no     sport=tennis
        "#,
    );
}

#[test]
fn prefix() {
    attributes(
        r#"
        policy {"sport": [{"prefix": "bas"}]}
        yes    sport=baseball
        yes    sport=bas
        yes    sport@["rugby","basketball"]
        no     sport=ba
        no     sport=Baseball
        no     sport=rebase
        no     sport#5

        policy {"sport": [{"prefix": ""}]}
        yes    sport=
        yes    sport=any
        no     sport#5
        no
        "#,
    );
}

#[test]
fn suffix() {
    attributes(
        r#"
        policy {"sport": [{"suffix": "ball"}]}
        yes    sport=baseball
        yes    sport=ball
        no     sport=all
        no     sport=ballet
        no     sport=baseBALL

        policy {"city": [{"suffix": "ü"}]}
        yes    city=Aarü
        no     city=Aaru
        "#,
    );
}

#[test]
fn equals_ignore_case() {
    attributes(
        r#"
        policy {"sport": [{"equals-ignore-case": "tenNis"}]}
        yes    sport=tennis
        yes    sport=TENNIS
        yes    sport@["x","Tennis"]
        no     sport=tenniss

        policy {"city": [{"equals-ignore-case": "ZÜRICH"}]}
        yes    city=zürich
        no     city=zurich
        "#,
    );
}

#[test]
fn numeric() {
    attributes(
        r#"
        policy {"price": [{"numeric": ["=", 301.5]}]}
        yes    price#301.50
        no     price#301
        no     price=301.5

        policy {"price": [{"numeric": ["<", 5]}]}
        yes    price#4.99999
        yes    price#-1e9
        no     price#5

        policy {"price": [{"numeric": ["<=", 5]}]}
        yes    price#5.0
        no     price#5.00001

        policy {"price": [{"numeric": [">", 0]}]}
        yes    price#0.00001
        no     price#0
        no     price#-0.0

        policy {"price": [{"numeric": [">=", 0]}]}
        yes    price#-0
        yes    price#1e9
        no     price#-0.00001

        policy {"price": [{"numeric": [">", 0, "<=", 150]}]}
        yes    price#0.1
        yes    price#150
        yes    price@[-1,20]
        no     price#0
        no     price#151
        no     price@[0,151]
        no     price@["20"]
        no

        policy {"price": [{"numeric": [">", 0]}]}
        yes    price#9007199254740993
        yes    price#1e999
        no     price#-1e999

        policy {"price": [{"numeric": [">=", -1, "<", 1]}, {"numeric": ["=", 7]}, "free"]}
        yes    price#-1
        yes    price#7
        yes    price=free
        no     price#1
        "#,
    );
}

#[test]
fn exists() {
    attributes(
        r#"
        policy {"store": [{"exists": true}]}
        yes    store=x
        yes    store#1
        yes    store!
        yes    store@[]
        no     shop=x
        no

        policy {"store": [{"exists": false}]}
        yes    shop=x
        no
        no     store=x
        no     store!
        no     store@[]

        policy {"store": [{"exists": false}, "x"]}
        yes    shop=x
        yes    store=x
        no     store=y
        "#,
    );
    body(
        r#"
        policy {"store": {"name": [{"exists": true}]}}
        yes    {"store": {"name": null}}
        no     {"store": {"name": {}}}
        no     {"store": {"name": []}}
        no     {"store": "name"}

        policy {"store": {"name": [{"exists": false}]}}
        yes    {}
        yes    {"store": {"name": {"first": "a"}}}
        yes    {"store": [{"name": []}]}
        no     {"store": {"name": ""}}
        no     {"store": [{}, {"name": 1}]}
        "#,
    );
}

#[test]
fn cidr() {
    attributes(
        r#"
        policy {"ip": [{"cidr": "10.0.0.0/24"}]}
        yes    ip=10.0.0.0
        yes    ip=10.0.0.255
        no     ip=10.0.1.0
        no     ip=::ffff:10.0.0.1
        no     ip=10.0.0
        no     ip=10.0.0.0/24

        policy {"ip": [{"cidr": "10.0.0.77/24"}, {"cidr": "2001:db8::/32"}, {"cidr": "0.0.0.0/1"}]}
        yes    ip=10.0.0.1
        yes    ip=2001:db8::1
        yes    ip=127.0.0.1
        no     ip=2001:db9::1
        no     ip=128.0.0.1

        policy {"ip": [{"cidr": "::/0"}, {"cidr": "192.0.2.1/32"}]}
        yes    ip=::1
        yes    ip=192.0.2.1
        no     ip=192.0.2.2
        "#,
    );
}

#[test]
fn keys_are_all_met_and_conditions_any() {
    attributes(
        r#"
        policy {"color": ["red", {"prefix": "gr"}], "price": [{"numeric": ["<", 5]}], "sold": [{"exists": false}]}
        yes    color=red price#1
        yes    color=green price#1 extra=1
        no     color=red price#5
        no     color=blue price#1
        no     color=red
        no     color=red price#1 sold=yes

        policy {}
        yes    color=red
        yes
        "#,
    );
}

#[test]
fn or() {
    attributes(
        r#"
        policy {"source": ["cloud"], "$or": [{"metric": ["cpu"]}, {"space": ["ec2", "es"], "size": [1]}]}
        yes    source=cloud metric=cpu
        yes    source=cloud space=es size#1
        no     source=cloud space=es
        no     source=cloud
        no     metric=cpu

        policy {"$or": [{"a": ["x"], "$or": [{"b": ["x"]}, {"c": ["x"]}]}, {"a": ["y"]}]}
        yes    a=x b=x
        yes    a=x c=x
        yes    a=y
        no     a=x

        policy {"a": ["x"], "$or": [{"a": [{"prefix": "y"}]}, {"a": [{"suffix": "z"}]}]}
        yes    a@["x","yy"]
        yes    a@["x","zz"]
        no     a=x
        no     a=yz
        "#,
    );
    body(
        r#"
        policy {"d": {"$or": [{"a": [1]}, {"b": {"c": [2]}}]}}
        yes    {"d": {"a": 1}}
        yes    {"d": {"b": {"c": 2}}}
        no     {"a": 1}
        no     {"d": {"a": 2}}
        "#,
    );
}

/// SNS takes `$or` as a name if it has one object, values, or objects with the names of operators.
#[test]
fn or_as_a_name() {
    attributes(
        r#"
        policy {"$or": ["x", "y"]}
        yes    $or=x
        no     x=x

        policy {"$or": [{"prefix": "x"}]}
        yes    $or=xyz
        no     prefix=x

        policy {"$or": [{"numeric": ["=", 123]}, {"prefix": "abc"}]}
        yes    $or#123
        yes    $or=abcd
        no     $or=123
        "#,
    );
}

#[test]
fn nested_keys_and_arrays() {
    body(
        r#"
        policy {"store": {"city": {"name": ["Bern"]}}, "open": [true]}
        yes    {"store": {"city": {"name": "Bern"}}, "open": true}
        yes    {"open": [false, true], "store": {"x": 1, "city": {"name": ["Basel", "Bern"]}}}
        no     {"store": {"city": {"name": "Bern"}}}
        no     {"store": {"city": "Bern"}, "open": true}
        yes    {"store.city.name": "Bern", "open": true}

        policy {"tags": ["a"]}
        yes    {"tags": ["b", "a"]}
        yes    {"tags": [["b"], ["c", ["a"]]]}
        yes    {"tags": "x", "tags": "a"}
        no     {"tags": []}
        no     {"tags": {"a": 1}}
        no     {"tags": [{"tags": "a"}]}
        "#,
    );
}

/// A name with dots is the same as names below each other, in policies and in events.
#[test]
fn dots_join_names() {
    body(
        r#"
        policy {"object.nested": ["v"]}
        yes    {"object": {"nested": "v"}}
        yes    {"object.nested": "v"}
        no     {"object": {"nested.": "v"}}
        no     {"object": "v"}

        policy {"object.nested.test": ["v"]}
        yes    {"object": {"nested": {"test": "v"}}}
        yes    {"object.nested.test": "v"}
        yes    {"object.nested": {"test": "v"}}
        yes    {"object": {"nested.test": "v"}}
        yes    {"object": [{"nested": [{"test": ["u", "v"]}]}]}
        no     {"object": {"nested": {"test.v": "v"}}}

        policy {"detail": {"state": ["x"]}}
        yes    {"detail.state": "x"}
        yes    {"detail": {"state": "x"}}

        policy {"detail.state": ["x"], "detail": {"source": ["y"]}}
        yes    {"detail": {"state": "x", "source": "y"}}
        yes    {"detail.state": "x", "detail": {"source": "y"}}
        yes    {"detail": [{"state": "x", "source": "y"}, {}]}
        no     {"detail": [{"state": "x"}, {"source": "y"}]}

        policy {"detail.state": [{"exists": false}]}
        no     {"detail": {"state": "x"}}
        yes    {"detail": {"states": "x"}}

        policy {"a.": ["x"], ".b": ["y"]}
        yes    {"a": {"": "x"}, "": {"b": "y"}}
        no     {"a": "x", "b": "y"}
        "#,
    );
    attributes(
        r#"
        policy {"com.example.kind": ["x"]}
        yes    com.example.kind=x
        no     com.example=x
        no     kind=x
        "#,
    );
}

/// `exists: false` is asked of the elements that the keys before it chose, in the order of their names.
#[test]
fn absence_within_elements() {
    body(
        r#"
        policy {"employees": {"firstName": ["Anna"], "ids": [{"exists": false}]}}
        yes    {"employees": [{"firstName": "John", "ids": [1]}, {"firstName": "Anna"}]}
        no     {"employees": [{"firstName": "John"}, {"firstName": "Anna", "ids": [1]}]}
        no     {"employees": [{"firstName": "John"}]}

        policy {"employees": {"age": [{"exists": false}], "firstName": ["Anna"]}}
        no     {"employees": [{"firstName": "John", "age": 1}, {"firstName": "Anna"}]}
        yes    {"employees": [{"firstName": "John"}, {"firstName": "Anna"}]}

        policy {"employees": {"age": [{"exists": false}, 1], "firstName": ["Anna"]}}
        no     {"employees": [{"firstName": "John", "age": 1}, {"firstName": "Anna"}]}
        yes    {"employees": [{"firstName": "Anna", "age": 1}, {"firstName": "John"}]}

        policy {"e": {"a": {"x": [1]}, "b": [{"exists": false}]}, "f": {"g": [{"exists": false}]}}
        yes    {"e": [{"a": [{"x": 0}, {"x": 1}]}, {"a": {"x": 1}, "b": 1}], "f": [{}, {"h": 1}]}
        no     {"e": [{"a": {"x": 0}}, {"a": {"x": 1}, "b": 1}]}
        no     {"e": [{"a": {"x": 1}}], "f": [{"h": 1}, {"g": 1}]}
        "#,
    );
}

/// Names are ordered as texts with dots: a hyphen comes before a dot.
#[test]
fn names_with_hyphens() {
    body(
        r#"
        policy {"a": {"k": {"x": [1]}, "k-l": [{"exists": false}]}}
        no     {"a": [{"k": {"x": 1}}, {"k-l": 1}]}
        yes    {"a": [{"k": {"x": 1}}, {"k": {"x": 2}}]}
        "#,
    );
}

/// Keys below the same array of objects must be met by the same element.
#[test]
fn elements_are_matched_whole() {
    body(
        r#"
        policy {"items": {"name": ["pen"], "count": [2]}}
        yes    {"items": [{"name": "ink", "count": 1}, {"name": "pen", "count": 2}]}
        yes    {"items": [[{"name": "pen", "count": [1, 2]}]]}
        yes    {"items": {"name": "pen", "count": 2}}
        yes    {"items": {"name": "pen"}, "items": {"count": 2}}
        no     {"items": [{"name": "pen", "count": 1}, {"name": "ink", "count": 2}]}

        policy {"items": {"name": ["pen"]}, "parts": {"count": [2]}}
        yes    {"items": [{"name": "ink"}, {"name": "pen"}], "parts": [{"count": 2}, {"count": 1}]}

        policy {"a": {"b": {"x": [1], "y": [1]}, "z": [1]}}
        yes    {"a": [{"z": 1, "b": [{"x": 0}, {"x": 1, "y": 1}]}, {"z": 0}]}
        no     {"a": [{"z": 0, "b": [{"x": 1, "y": 1}]}, {"z": 1, "b": [{"x": 1, "y": 0}]}]}

        policy {"items": {"name": ["pen"], "sold": [{"exists": false}]}}
        yes    {"items": [{"name": "pen"}]}
        yes    {"items": [{"name": "pen"}, {"sold": 1}]}
        no     {"items": [{"name": "pen", "sold": 1}, {"name": "ink"}]}
        no     {"items": []}

        policy {"items": {"name": [{"exists": false}], "sold": [{"exists": false}]}}
        yes    {}
        yes    {"items": [{"other": 1}]}
        no     {"items": [{"name": 1}, {"other": 1}]}

        policy {"items": {"name": ["pen"]}, "$or": [{"items": {"count": [2]}}, {"all": [true]}]}
        yes    {"items": [{"name": "pen"}], "all": true}
        yes    {"items": [{"name": "pen", "count": 2}]}
        no     {"items": [{"name": "pen"}, {"count": 2}]}
        "#,
    );
}

#[test]
fn the_larger_dialect() {
    check(
        Scope::MessageBody,
        Dialect::EventBridge,
        r#"
        policy {"file": [{"wildcard": "dir/*.png"}]}
        yes    {"file": "dir/a.png"}
        yes    {"file": "dir/.png"}
        no     {"file": "dir/a.gif"}
        no     {"file": "a.png"}

        policy {"file": [{"wildcard": "*a*b"}, {"prefix": "a"}, {"wildcard": "a*"}]}
        yes    {"file": "xaxb"}
        yes    {"file": "a"}
        no     {"file": "ba"}

        policy {"file": [{"anything-but": {"suffix": [".png", ".gif"]}}]}
        yes    {"file": "a.txt"}
        no     {"file": "a.png"}
        no     {"file": "a.gif"}

        policy {"file": [{"anything-but": {"equals-ignore-case": ["a", "b"]}}]}
        yes    {"file": "c"}
        no     {"file": "B"}

        policy {"file": [{"anything-but": {"wildcard": "a*c"}}]}
        yes    {"file": "ab"}
        no     {"file": "abc"}

        policy {"file": [{"prefix": {"equals-ignore-case": "DirÜ"}}]}
        yes    {"file": "dirü/a"}
        yes    {"file": "DIRÜ"}
        no     {"file": "adirü"}
        no     {"file": "dir"}

        policy {"file": [{"suffix": {"equals-ignore-case": ".PNG"}}]}
        yes    {"file": "a.pNg"}
        no     {"file": "png"}

        policy {"a": [1], "b": [1], "c": [1], "d": [1], "e": [1], "f": [1]}
        yes    {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}
        "#,
    );
}

#[test]
fn bodies_that_are_no_objects() {
    for body in ["", "text", "[]", "5", "\"a\"", "null", "{", "{}x", r#"{"a":1,}"#, &"{\"a\":".repeat(100_000)] {
        assert!(Event::body(body).is_none(), "{body:.20}");
    }
}

/// A String.Array that is no JSON array is a string like any other.
#[test]
fn malformed_string_arrays() {
    attributes(
        r#"
        policy {"a": ["[x"]}
        yes    a@[x

        policy {"a": ["x"]}
        no     a@["x"
        no     a@"x"
        no     a@[{"x":"x"}]
        "#,
    );
}
