//! `posthouse check`: one line and an exit status for a monitoring system, as its plugins have them: 0 good, 1 a warning,
//! 2 critical.

use clap::Args;
use serde_json::Value as Json;

use super::session::{CliError, Session, Target};
use super::table::escaped;

/// The limits of a check.
#[derive(Args, Clone, Debug)]
pub struct CheckLimits {
    /// Warn if a queue has so many messages that can be received
    #[arg(long, value_name = "N")]
    warn_depth: Option<u64>,
    /// Critical if a queue has so many messages that can be received
    #[arg(long, value_name = "N")]
    critical_depth: Option<u64>,
    /// Warn if the oldest message of a queue is so old
    #[arg(long, value_name = "SECONDS")]
    warn_age: Option<u64>,
    /// Critical if the oldest message of a queue is so old
    #[arg(long, value_name = "SECONDS")]
    critical_age: Option<u64>,
    /// Only queues whose names have this text in them
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is wrong.
    Good,
    /// Something needs attention.
    Warning,
    /// Something does not work.
    Critical,
}

impl Level {
    /// The exit status.
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Warning => 1,
            Self::Critical => 2,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Good => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }
}

/// Queues that one check looks at.
const QUEUES_MAX: usize = 100_000;

/// Checks the broker, and the queues if there are limits for them. Prints one line.
///
/// # Errors
/// [`CliError::Output`]. A broker that cannot be asked is critical, and no error.
pub(super) fn run(session: &mut Session<'_>, limits: &CheckLimits) -> Result<Level, CliError> {
    let (level, line) = match look(session, limits) {
        Ok(findings) => {
            let level = findings.iter().map(|(level, _)| *level).max().unwrap_or(Level::Good);
            let texts: Vec<&str> = findings.iter().map(|(_, text)| text.as_str()).collect();
            (level, if texts.is_empty() { "the broker serves".to_owned() } else { texts.join("; ") })
        }
        Err(error) => (Level::Critical, error.to_string()),
    };
    let line = format!("{} - {}", level.word(), escaped(&line));
    session.print_line(&line, &serde_json::json!({"level": level.word(), "message": line}))?;
    Ok(level)
}

fn look(session: &Session<'_>, limits: &CheckLimits) -> Result<Vec<(Level, String)>, CliError> {
    let mut findings = of_broker(&session.get(&Target::new("/v1/overview"))?);
    let CheckLimits { warn_depth, critical_depth, warn_age, critical_age, filter } = limits;
    if [warn_depth, critical_depth, warn_age, critical_age].iter().any(|limit| limit.is_some()) {
        let mut target = Target::new("/v1/queues");
        target.set_some("filter", filter.as_deref());
        for queue in session.list(&target, QUEUES_MAX)? {
            findings.extend(of_queue(&queue, limits));
        }
    }
    Ok(findings)
}

fn of_broker(overview: &Json) -> Vec<(Level, String)> {
    let stage = overview["stage"].as_str().unwrap_or("unknown");
    let starting = (stage != "serving").then(|| (Level::Critical, format!("the broker is {stage}")));
    let broken = overview["state"]["storage"]["full"] == true || overview["state"]["storage"]["failed"] == true;
    let level = if broken { Level::Critical } else { Level::Warning };
    let problems = overview["problems"].as_array().into_iter().flatten().filter_map(Json::as_str);
    starting.into_iter().chain(problems.map(|problem| (level, problem.to_owned()))).collect()
}

fn of_queue(queue: &Json, limits: &CheckLimits) -> Vec<(Level, String)> {
    let name = queue["name"].as_str().unwrap_or("?");
    let over = |value: Option<u64>, warn: Option<u64>, critical: Option<u64>| {
        let reaches = |limit: Option<u64>| limit.is_some_and(|limit| value.is_some_and(|value| value >= limit));
        if reaches(critical) { Some(Level::Critical) } else { reaches(warn).then_some(Level::Warning) }
    };
    let (depth, age) = (queue["messages_visible"].as_u64(), queue["oldest_message_age_seconds"].as_u64());
    let depth_found = over(depth, limits.warn_depth, limits.critical_depth)
        .map(|level| (level, format!("{name} has {} messages", depth.unwrap_or_default())));
    let age_found = over(age, limits.warn_age, limits.critical_age)
        .map(|level| (level, format!("the oldest message of {name} is {} s old", age.unwrap_or_default())));
    depth_found.into_iter().chain(age_found).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_queue_is_measured_by_both_limits() {
        let limits = CheckLimits {
            warn_depth: Some(10),
            critical_depth: Some(100),
            warn_age: Some(60),
            critical_age: None,
            filter: None,
        };
        let levels = |depth: u64, age: Option<u64>| {
            let queue = json!({"name": "q", "messages_visible": depth, "oldest_message_age_seconds": age});
            of_queue(&queue, &limits).into_iter().map(|(level, _)| level).collect::<Vec<_>>()
        };
        assert_eq!(levels(9, Some(59)), []);
        assert_eq!(levels(10, None), [Level::Warning]);
        assert_eq!(levels(100, Some(60)), [Level::Critical, Level::Warning]);
    }

    #[test]
    fn a_broker_that_does_not_serve_is_critical() {
        assert_eq!(of_broker(&json!({"stage": "serving", "problems": []})), []);
        assert_eq!(of_broker(&json!({"stage": "recovering", "problems": []}))[0].0, Level::Critical);
        let full = json!({"stage": "serving", "problems": ["full"], "state": {"storage": {"full": true}}});
        assert_eq!(of_broker(&full), [(Level::Critical, "full".to_owned())]);
        let damaged = json!({"stage": "serving", "problems": ["damaged"], "state": {"storage": {"full": false}}});
        assert_eq!(of_broker(&damaged), [(Level::Warning, "damaged".to_owned())]);
    }
}
