//! A matcher of a few lines for each rule, to judge the other two. It shares the JSON reader with them and nothing else.
//!
//! A message is a flat list of values, each with its path as one text and the elements that it lies in. A policy is a
//! list of alternatives, each a list of keys. A match is found by trying all choices of values.

use std::collections::BTreeMap;
use std::net::IpAddr;

use posthouse_filter::Value;
use posthouse_model::json::{Json, Member, Node};

/// A message: its values.
#[derive(Debug, Default)]
pub(crate) struct Message {
    leaves: Vec<Leaf>,
    arrays: usize,
    /// Whether the values are attributes.
    is_attributes: bool,
}

#[derive(Debug)]
struct Leaf {
    path: String,
    scalar: Scalar,
    /// The arrays that it lies in, with the number of the element. Not that whose element is the value itself.
    elements: BTreeMap<usize, usize>,
}

#[derive(Clone, Debug, PartialEq)]
enum Scalar {
    String(String),
    /// Before the point, and six digits behind it.
    Number(String),
    Word(&'static str),
    Unknown,
}

impl Message {
    /// The message with this JSON object as its body.
    pub(crate) fn body(text: &str) -> Self {
        let mut message = Self::default();
        message.add("", &Node::parse(text).expect("JSON"), &BTreeMap::new());
        message
    }

    /// The message with these attributes.
    pub(crate) fn attributes<'a>(attributes: impl IntoIterator<Item = (&'a str, Value<'a>)>) -> Self {
        let mut message = Self { is_attributes: true, ..Self::default() };
        for (name, value) in attributes {
            let count = message.leaves.len();
            let mut present = true;
            match value {
                Value::String(text) => message.leaf(name, Scalar::String(text.into()), &BTreeMap::new()),
                Value::Number(text) => message.leaf(name, Scalar::Number(decimal(text)), &BTreeMap::new()),
                Value::StringArray(text) => {
                    message.add(name, &Node::parse(text).expect("JSON"), &BTreeMap::new());
                    present = message.leaves.len() > count;
                }
                Value::Binary => present = false,
            }
            if !present {
                message.leaf(name, Scalar::Unknown, &BTreeMap::new());
            }
        }
        message
    }

    fn leaf(&mut self, path: &str, scalar: Scalar, elements: &BTreeMap<usize, usize>) {
        self.leaves.push(Leaf { path: path.into(), scalar, elements: elements.clone() });
    }

    fn add(&mut self, path: &str, node: &Node<'_>, elements: &BTreeMap<usize, usize>) {
        match &node.value {
            Json::Object(members) => {
                for Member { name, value } in members {
                    let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
                    self.add(&path, value, elements);
                }
            }
            Json::Array(_) => {
                self.arrays += 1;
                let (array, mut count) = (self.arrays, 0);
                let mut flat = vec![node];
                while let Some(node) = flat.pop() {
                    match &node.value {
                        Json::Array(inner) => flat.extend(inner.iter().rev()),
                        Json::Object(_) => {
                            let mut elements = elements.clone();
                            elements.insert(array, count);
                            count += 1;
                            self.add(path, node, &elements);
                        }
                        _ => self.add(path, node, elements),
                    }
                }
            }
            _ => self.leaf(path, scalar(node).expect("no object and no array"), elements),
        }
    }

    /// Whether a policy, which is valid, matches.
    pub(crate) fn is_matched_by(&self, policy: &str) -> bool {
        let document = Node::parse(policy).expect("JSON");
        let Json::Object(members) = &document.value else { panic!("a policy is an object") };
        alternatives("", members).into_iter().any(|mut keys| {
            keys.sort_by(|(one, _), (other, _)| one.cmp(other));
            keys.is_empty() || (!(self.is_attributes && self.leaves.is_empty()) && self.meets(&keys, &BTreeMap::new()))
        })
    }

    fn meets(&self, keys: &[(String, &[Node<'_>])], chosen: &BTreeMap<usize, usize>) -> bool {
        let Some(((path, conditions), rest)) = keys.split_first() else { return true };
        let agrees = |leaf: &&Leaf| {
            chosen.iter().all(|(array, element)| leaf.elements.get(array).is_none_or(|own| own == element))
        };
        let mut leaves = self.leaves.iter().filter(|leaf| leaf.path == *path).filter(agrees).peekable();
        if leaves.peek().is_none() {
            let is_absent = |condition: &Node<'_>| {
                matches!(operator(condition), Some(("exists", Node { value: Json::Bool(false), .. })))
            };
            return conditions.iter().any(is_absent) && self.meets(rest, chosen);
        }
        leaves.any(|leaf| {
            let mut chosen = chosen.clone();
            chosen.extend(&leaf.elements);
            conditions.iter().any(|condition| holds(condition, &leaf.scalar)) && self.meets(rest, &chosen)
        })
    }
}

/// The alternatives of an object, as lists of keys.
fn alternatives<'n>(above: &str, members: &'n [Member<'n>]) -> Vec<Vec<(String, &'n [Node<'n>])>> {
    let last: BTreeMap<&str, &Node<'_>> = members.iter().map(|member| (&*member.name, &member.value)).collect();
    last.into_iter().fold(vec![Vec::new()], |chosen, (name, node)| {
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        let choices = match &node.value {
            Json::Object(members) => alternatives(&path, members),
            Json::Array(elements) => match or(name, elements) {
                Some(objects) => objects.into_iter().flat_map(|members| alternatives(above, members)).collect(),
                None => vec![vec![(path, &**elements)]],
            },
            _ => panic!("a policy has objects and lists"),
        };
        chosen
            .iter()
            .flat_map(|keys| choices.iter().map(move |choice| [keys.clone(), choice.clone()].concat()))
            .collect()
    })
}

fn or<'n>(name: &str, elements: &'n [Node<'n>]) -> Option<Vec<&'n [Member<'n>]>> {
    let operators = ["anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"];
    let members = |node: &'n Node<'n>| match &node.value {
        Json::Object(members) if !members.is_empty() => {
            members.iter().all(|member| !operators.contains(&&*member.name)).then_some(&**members)
        }
        _ => None,
    };
    if name == "$or" && elements.len() > 1 { elements.iter().map(members).collect() } else { None }
}

fn operator<'n>(condition: &'n Node<'n>) -> Option<(&'n str, &'n Node<'n>)> {
    match &condition.value {
        Json::Object(members) => members.first().map(|member| (&*member.name, &member.value)),
        _ => None,
    }
}

fn text<'n>(node: &'n Node<'_>) -> &'n str {
    match &node.value {
        Json::String(text) => text,
        Json::Number(text) => text,
        _ => panic!("a string or a number"),
    }
}

fn scalar(node: &Node<'_>) -> Option<Scalar> {
    Some(match &node.value {
        Json::String(text) => Scalar::String(text.to_string()),
        Json::Number(text) => Scalar::Number(decimal(text)),
        Json::Bool(true) => Scalar::Word("true"),
        Json::Bool(false) => Scalar::Word("false"),
        Json::Null => Scalar::Word("null"),
        Json::Object(_) | Json::Array(_) => return None,
    })
}

/// Whether a condition holds for a value.
fn holds(condition: &Node<'_>, value: &Scalar) -> bool {
    let Some((name, operand)) = operator(condition) else { return scalar(condition).as_ref() == Some(value) };
    match (name, value) {
        ("exists", _) => matches!(operand.value, Json::Bool(true)),
        (_, Scalar::Unknown) => false,
        ("anything-but", _) => !excluded(operand, value),
        ("numeric", Scalar::Number(number)) => {
            let Json::Array(parts) = &operand.value else { panic!("a list") };
            parts.chunks(2).all(|pair| {
                let order = approximate(number).total_cmp(&approximate(&decimal(text(&pair[1]))));
                match text(&pair[0]) {
                    "=" => order.is_eq(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                }
            })
        }
        ("numeric", _) => false,
        (_, Scalar::String(value)) => pattern(name, operand, value),
        _ => false,
    }
}

fn excluded(operand: &Node<'_>, value: &Scalar) -> bool {
    match &operand.value {
        Json::Array(elements) => elements.iter().any(|element| scalar(element).as_ref() == Some(value)),
        Json::Object(_) => {
            let (name, operand) = operator(operand).expect("an operator");
            let operands = match &operand.value {
                Json::Array(operands) => operands.as_slice(),
                _ => core::slice::from_ref(operand),
            };
            operands.iter().any(|operand| matches!(value, Scalar::String(value) if pattern(name, operand, value)))
        }
        _ => scalar(operand).as_ref() == Some(value),
    }
}

fn pattern(name: &str, operand: &Node<'_>, value: &str) -> bool {
    if let Some((_, folded)) = operator(operand) {
        return pattern(
            name,
            &Node::parse(&format!("\"{}\"", text(folded).to_lowercase())).expect("JSON"),
            &value.to_lowercase(),
        );
    }
    let operand = text(operand);
    match name {
        "prefix" => value.starts_with(operand),
        "suffix" => value.ends_with(operand),
        "equals-ignore-case" => value.to_lowercase() == operand.to_lowercase(),
        "wildcard" => wildcard(operand.as_bytes(), value.as_bytes()),
        "cidr" => {
            let (address, bits) = operand.split_once('/').expect("a network");
            let bits: u32 = bits.parse().expect("bits");
            let (Ok(own), Ok(other)) = (address.parse::<IpAddr>(), value.parse::<IpAddr>()) else { return false };
            let (own, other, width) = match (own, other) {
                (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits().into(), other.to_bits().into(), 32),
                (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
                _ => return false,
            };
            (own ^ other).checked_shr(width - bits).unwrap_or_default() == 0
        }
        _ => false,
    }
}

fn wildcard(pattern: &[u8], value: &[u8]) -> bool {
    match pattern {
        [] => value.is_empty(),
        [b'*', rest @ ..] => (0..=value.len()).any(|taken| wildcard(rest, &value[taken..])),
        [byte, rest @ ..] => value.first() == Some(byte) && wildcard(rest, &value[1..]),
    }
}

/// A number without an exponent, with six digits behind the point, and without what may be left away.
fn decimal(text: &str) -> String {
    let (significand, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, significand) = significand.strip_prefix('-').map_or(("", significand), |rest| ("-", rest));
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
    let exponent: i32 = exponent.parse().expect("a small exponent");
    let shift = |digits: usize| "0".repeat(digits);
    let (whole, fraction) = if exponent < 0 {
        let moved = exponent.unsigned_abs() as usize;
        let whole = shift(moved) + whole;
        let (whole, back) = whole.split_at(whole.len() - moved);
        (whole.to_owned(), format!("{back}{fraction}"))
    } else {
        let moved = exponent.unsigned_abs() as usize;
        let fraction = fraction.to_owned() + &shift(moved);
        let (front, fraction) = fraction.split_at(moved);
        (format!("{whole}{front}"), fraction.to_owned())
    };
    let whole = whole.trim_start_matches('0');
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let sign = if whole.is_empty() && fraction == "000000" { "" } else { sign };
    format!("{sign}{whole}.{fraction}")
}

/// A decimal for comparisons with numbers that a double holds.
fn approximate(decimal: &str) -> f64 {
    decimal.parse().expect("a number")
}
