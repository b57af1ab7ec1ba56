//! `GET /v1/configuration`: every setting with its value and where that comes from. The values of secrets are hidden.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;

use super::Api;
use super::answer::Json;
use crate::configuration::Origin;

#[derive(Serialize)]
pub(super) struct ConfigurationView {
    /// The file that was read; `null` without one.
    file: Option<PathBuf>,
    settings: Vec<SettingView>,
    declared: Declared,
}

#[derive(Serialize)]
struct SettingView {
    name: String,
    value: String,
    default: &'static str,
    origin: OriginView,
}

/// How many of each the file declares.
#[derive(Serialize)]
struct Declared {
    users: usize,
    queues: usize,
    topics: usize,
}

/// Where a value comes from.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum OriginView {
    Flag { flag: String },
    Environment { variable: String },
    File { path: PathBuf, line: usize },
    Default,
}

impl From<Origin> for OriginView {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Flag(flag) => Self::Flag { flag },
            Origin::Environment(variable) => Self::Environment { variable },
            Origin::File { path, line } => Self::File { path, line },
            Origin::Default => Self::Default,
        }
    }
}

pub(super) async fn show(State(api): State<Arc<Api>>) -> Json<ConfigurationView> {
    let configuration = &api.configuration;
    let setting = |(setting, value, origin): &(&crate::configuration::Setting, String, Origin)| SettingView {
        name: setting.name(),
        value: value.clone(),
        default: setting.default,
        origin: origin.clone().into(),
    };
    Json(ConfigurationView {
        file: configuration.file.clone(),
        settings: configuration.origins.iter().map(setting).collect(),
        declared: Declared {
            users: configuration.users.len(),
            queues: configuration.queues.len(),
            topics: configuration.topics.len(),
        },
    })
}
