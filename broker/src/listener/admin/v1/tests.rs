//! The routes against `docs/openapi.json`.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::*;

#[test]
fn the_document_has_every_route_with_its_role() {
    let document: Json = serde_json::from_str(include_str!("../../../../../docs/openapi.json")).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let documented: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("an object").iter().filter(|(key, _)| *key != "parameters");
            methods.map(move |(method, operation)| {
                let role = operation["x-role"].as_str().expect("a role");
                format!("{} {path}: {role}", method.to_uppercase())
            })
        })
        .collect();
    let served = routes().into_iter().map(|route| format!("{} {}: {}", route.method, route.path, route.role.as_str()));
    let served: BTreeSet<_> = served.chain([format!("POST {LOGIN}: none")]).collect();
    assert_eq!(served, documented);
}
