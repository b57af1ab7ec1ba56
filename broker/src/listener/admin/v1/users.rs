//! `GET /v1/users`: the users and what they may do, without their secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use posthouse_model::identity::user_arn;
use serde::Serialize;

use super::Api;
use super::answer::{Json, List};
use super::input::{Paging, Params};
use crate::configuration::{Granted, Role};

#[derive(Serialize)]
pub(super) struct UserView {
    arn: String,
    role: Option<&'static str>,
    access_key_ids: Vec<String>,
    access: AccessView,
}

/// What a user may do with queues and topics.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum AccessView {
    /// It has no policies: it may do everything in its account.
    Everything,
    Policies {
        /// How many it has of its own.
        own: usize,
        groups: Vec<String>,
        /// Actions in its policies that have no effect.
        ignored: Vec<String>,
    },
}

pub(super) async fn list(State(api): State<Arc<Api>>, Params(paging): Params<Paging>) -> Json<List<UserView>> {
    let configuration = &api.configuration;
    let role_of = |user: &crate::configuration::User| (user_arn(user.account, &user.name), user.role);
    let roles: BTreeMap<String, Option<Role>> = configuration.users.iter().map(role_of).collect();
    let mut users: Vec<_> = configuration.rights.iter().collect();
    users.sort_by(|a, b| a.user.cmp(&b.user));
    let views = users.into_iter().map(|rights| UserView {
        arn: rights.user.clone(),
        role: roles.get(&rights.user).copied().flatten().map(Role::as_str),
        access_key_ids: rights.access_key_ids.clone(),
        access: match rights.grant.clone() {
            Granted::Everything => AccessView::Everything,
            Granted::ByPolicies { own, groups, ignored } => AccessView::Policies { own, groups, ignored },
        },
    });
    Json(paging.cut(views, |view| view.arn.clone()))
}
