//! Targets as they are written on the command line, `[NAME=]URL`, and the labels of their durability.
//!
//! No message of this file has a password, not even that of a URL that cannot be read.

use std::collections::HashSet;

use crate::plan::Impossible;
use crate::run::Contestant;
use crate::targets::Address;

/// The longest name. File names and table headings contain it.
const NAME_BYTES_MAX: usize = 40;

/// The one target of `run`. Its durability may be given with its name or without.
///
/// # Errors
///
/// [`Impossible`] for a target or label that cannot be read, or two labels.
pub(super) fn one(target: &str, durability: &[String]) -> Result<Contestant, Impossible> {
    let mut contestant = named(&[target.to_owned()])?.remove(0);
    match durability {
        [] => {}
        [text] => {
            let of_it = text.split_once('=').filter(|(name, _)| *name == contestant.name);
            contestant.durability = Some(of_it.map_or(text.as_str(), |(_, text)| text).to_owned());
        }
        _ => return Err(twice(&contestant.name)),
    }
    Ok(contestant)
}

/// The targets of `compare`, each with a name of its own.
///
/// # Errors
///
/// [`Impossible`] for a target or label that cannot be read, a name given twice, or a label of an unknown target.
pub(super) fn several(targets: &[String], durability: &[String]) -> Result<Vec<Contestant>, Impossible> {
    let mut contestants = named(targets)?;
    for label in durability {
        let (name, text) = label
            .split_once('=')
            .ok_or_else(|| Impossible(format!("`--durability {label}` does not say whose: give NAME=TEXT")))?;
        let names = contestants.iter().map(|contestant| contestant.name.clone()).collect::<Vec<_>>().join(", ");
        let contestant = contestants
            .iter_mut()
            .find(|contestant| contestant.name == name)
            .ok_or_else(|| Impossible(format!("`--durability {label}` is of no target: there are {names}")))?;
        if contestant.durability.replace(text.to_owned()).is_some() {
            return Err(twice(name));
        }
    }
    Ok(contestants)
}

fn twice(name: &str) -> Impossible {
    Impossible(format!("the durability of `{name}` is given twice"))
}

fn named(targets: &[String]) -> Result<Vec<Contestant>, Impossible> {
    let given = targets.iter().map(|text| split(text)).collect::<Result<Vec<_>, _>>()?;
    let mut names = HashSet::new();
    for (name, _) in &given {
        if let Some(name) = name.filter(|name| !names.insert((*name).to_owned())) {
            return Err(Impossible(format!("two targets are called `{name}`")));
        }
    }
    let contestant = |(name, address): (Option<&str>, Address)| {
        let name = name.map_or_else(|| unused(&mut names, address.scheme()), str::to_owned);
        Contestant { name, address, durability: None }
    };
    Ok(given.into_iter().map(contestant).collect())
}

/// Returns a name made from the scheme that is not in `names`, and adds it.
fn unused(names: &mut HashSet<String>, scheme: &str) -> String {
    let stem = scheme.trim_end_matches("+http").replace('+', "-");
    let stem = if stem == "limit" { "limit-http".to_owned() } else { stem };
    let mut name = stem.clone();
    let mut number = 1;
    while !names.insert(name.clone()) {
        number += 1;
        name = format!("{stem}-{number}");
    }
    name
}

/// Name and address.
fn split(text: &str) -> Result<(Option<&str>, Address), Impossible> {
    // A `=` after the scheme belongs to the URL's parameters.
    let named = text.split_once('=').filter(|(name, _)| !name.contains("://"));
    let Some((name, url)) = named else { return Ok((None, address(text)?)) };
    let good = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !name.starts_with(['.', '-']);
    if !good {
        return Err(Impossible(format!(
            "`{}` is no name of a target: it has up to {NAME_BYTES_MAX} letters, digits, `-`, `_` and `.`, and begins \
             with a letter or digit",
            without_password(name)
        )));
    }
    Ok((Some(name), address(url)?))
}

/// Reads a URL. The error has no password.
pub(super) fn address(text: &str) -> Result<Address, Impossible> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let safe = without_password(text);
    Err(Impossible(match safe.parse::<Address>() {
        Err(error) => error,
        Ok(_) => format!("`{safe}`: the password holds what a URL cannot: write it percent-encoded (`/` as %2F)"),
    }))
}

/// Replaces a URL's password, as far as it can be recognised, by `***`.
fn without_password(text: &str) -> String {
    let covered = || {
        let start = text.find("://")? + 3;
        let end = start + text[start..].rfind('@')?;
        let colon = start + text[start..end].find(':')?;
        Some(format!("{}:***{}", &text[..colon], &text[end..]))
    };
    covered().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn names(line: &str) -> Vec<String> {
        let contestants = several(&words(line), &[]).unwrap_or_else(|error| panic!("{line}: {error}"));
        contestants.into_iter().map(|contestant| contestant.name).collect()
    }

    #[test]
    fn targets_are_named_by_the_user_or_by_their_scheme() {
        let table = [
            ("sqs+http://h:1 nats://h limit+http:// limit+disk:///d", "sqs nats limit-http limit-disk"),
            ("sqs+http://h:1 sqs+http://h:2 sqs+http://h:3", "sqs sqs-2 sqs-3"),
            ("sqs+http://h:1 sqs=sqs+http://h:2", "sqs-2 sqs"),
            ("a.b-c_1=nats://h sqs+http://h?protocol=query", "a.b-c_1 sqs"),
        ];
        for (line, expected) in table {
            assert_eq!(names(line), words(expected), "{line}");
        }
    }

    #[test]
    fn labels_go_to_their_target() {
        let targets = words("a=nats://h b=redis://h");
        let labels = ["b=appendfsync=always, one disk".to_owned()];
        let contestants = several(&targets, &labels).expect("good labels");
        assert_eq!(contestants[0].durability, None);
        assert_eq!(contestants[1].durability.as_deref(), Some("appendfsync=always, one disk"));
        for (label, text) in [("synced", "synced"), ("a=synced", "synced"), ("fsync=always", "fsync=always")] {
            let contestant = one("a=nats://h", &[label.to_owned()]).expect("a good label");
            assert_eq!(contestant.durability.as_deref(), Some(text));
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_its_password() {
        let several = |targets: &str, labels: &str| {
            several(&words(targets), &words(labels)).err().unwrap_or_else(|| panic!("{targets} {labels} is taken")).0
        };
        let table = [
            ("a=nats://h a=redis://h", "", "two targets are called `a`"),
            ("a=nats://h b=redis://h", "c=x", "`--durability c=x` is of no target: there are a, b"),
            ("a=nats://h b=redis://h", "x", "`--durability x` does not say whose: give NAME=TEXT"),
            ("a=nats://h b=redis://h", "a=x a=y", "the durability of `a` is given twice"),
            ("../a=nats://h", "", "`../a` is no name of a target"),
            ("=nats://h", "", "`` is no name of a target"),
            ("kafka://u:secret@h", "", "there is no adapter for `kafka://`; known are sqs+http://"),
            ("localhost:9324", "", "there is no adapter for `localhost://`"),
            ("just-words", "", "`just-words` is not a URL"),
            ("nats://u:secret@h:port", "", "`nats://u:***@h:port` is not a URL: invalid port number"),
            ("nats://u:sec/ret@h", "", "`nats://u:***@h`: the password holds what a URL cannot"),
        ];
        for (targets, labels, sentence) in table {
            let error = several(targets, labels);
            assert!(error.starts_with(sentence), "{targets} {labels}: {error}");
            assert!(!error.contains("secret") && !error.contains("ret@"), "{error}");
        }
        assert!(one("nats://h", &words("x y")).is_err());
    }
}
