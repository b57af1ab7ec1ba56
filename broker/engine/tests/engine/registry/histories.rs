//! Random histories of the registry with checkpoints at random paces. Replay from the first event and from every
//! checkpoint gives the same state.

use posthouse_engine::Options;
use proptest::prelude::*;

use super::{EndpointId, Interpreter, World};

const APPLICATIONS: [&str; 3] = ["GCM/a", "GCM/b", "ADM/a"];

/// A command of a script, with any reply.
fn command() -> impl Strategy<Value = String> {
    let application = prop::sample::select(APPLICATIONS.to_vec());
    let device = (application.clone(), 0..4u8, 0..4u8).prop_map(|(application, name, token)| {
        let name = format!("{application}-{name}");
        (format!("{application} {name}"), format!("{application} as={name} Token=t{token}"))
    });
    let number = (0..3u8).prop_map(|number| format!("+1234567{number}"));
    prop_oneof![
        3 => (application.clone(), any::<bool>()).prop_map(|(application, enabled)| format!(
            "create-application {application} PlatformCredential=key PlatformPrincipal=id Enabled={enabled}"
        )),
        1 => application.clone().prop_map(|application| format!("delete-application {application}")),
        2 => (application, 0..3u8).prop_map(|(application, rate)| {
            format!("set-application {application} SuccessFeedbackSampleRate={rate}")
        }),
        6 => device.clone().prop_map(|(_, device)| format!("create-endpoint {device}")),
        3 => (device.clone(), 0..4u8).prop_map(|((device, _), token)| format!("set-endpoint {device} Token=t{token}")),
        2 => device.prop_map(|(device, _)| format!("delete-endpoint {device}")),
        1 => prop::sample::select(vec!["", "Shop", "Store"])
            .prop_map(|sender| format!("set-sms DefaultSenderID={sender}")),
        2 => number.clone().prop_map(|number| format!("opt-out {number}")),
        1 => number.clone().prop_map(|number| format!("opt-in {number}")),
        2 => number.clone().prop_map(|number| format!("create-number {number}")),
        1 => number.clone().prop_map(|number| format!("verify-number {number}")),
        1 => number.prop_map(|number| format!("delete-number {number}")),
        1 => prop::sample::select(vec!["restart", "advance 2000000", "caller 111111111111", "caller 000000000000"])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replay_gives_the_same_registry(
        commands in proptest::collection::vec((command(), 0..4usize), 1..120),
    ) {
        let mut world = World::new(Options::default());
        world.checkpointing = false;
        // Every endpoint that a command may name has an id. The history decides which of them exist.
        let names = APPLICATIONS.iter().flat_map(|application| (0..4).map(move |name| format!("{application}-{name}")));
        let names: Vec<String> = names.collect();
        let endpoints = names.into_iter().map(|name| (name, EndpointId::from_random(world.fresh_id()))).collect();
        let mut interpreter = Interpreter { world, endpoints };
        for (command, slices) in commands {
            let _ = interpreter.try_line(&command);
            interpreter.world.checkpointing = true;
            for _ in 0..slices {
                interpreter.world.checkpoint_slice(1);
            }
            interpreter.world.checkpointing = false;
        }
        interpreter.world.checkpointing = true;
        interpreter.world.check();
    }
}
