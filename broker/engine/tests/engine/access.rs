//! Access as a table: which request of which caller is allowed, and for which reason one is refused.
//!
//! Account 000000000000 owns the queue `q`, the topic `t` and a platform application with an endpoint. Account
//! 333333333333 owns a subscription of `t`. The policy of a row is that of both the queue and the topic.

mod identities;

use posthouse_engine::Options;
use posthouse_model::fault::{Denied, Grant};
use posthouse_model::operation::*;
use posthouse_model::topic_attributes::{TopicAttribute, TopicAttributeName};
use posthouse_model::{
    ApplicationAttributes, ApplicationChanges, AttributeChanges, EndpointAddress, EndpointChanges, EndpointId, Fault,
    PageSize, ROOT_USER, Request, SnsFault, SubscriptionAddress, SubscriptionAttributes, SubscriptionId,
    TopicAttributes,
};

use crate::world::{USER, World, region};

const OWNER: &str = "000000000000";
const SUBSCRIBER: &str = "333333333333";
const OTHER: &str = "222222222222";

/// Callers in the order of a row's outcomes: the owner itself, users without identity policies, and others. `broker` is
/// push delivery.
const CALLERS: [&str; 6] = ["root", OWNER, SUBSCRIBER, OTHER, "anonymous", "broker"];

/// Policies by the name that rows give them: the effects of statements about everyone and every action.
const POLICIES: [(&str, &[&str]); 4] =
    [("none", &[]), ("allow", &["Allow"]), ("deny", &["Deny"]), ("both", &["Allow", "Deny"])];

/// A row: the policy, the request, and the outcome for each of [`CALLERS`]. `ok` is any outcome but a refusal of
/// access; `absent` says that the resource does not exist; the others are reasons of a refusal.
const ROWS: &str = "
none  PurgeQueue                               ok          ok          silent      silent      silent      absent
allow PurgeQueue                               ok          ok          ok          ok          ok          absent
deny  PurgeQueue                               ok          explicit    explicit    explicit    explicit    absent
both  PurgeQueue                               ok          explicit    explicit    explicit    explicit    absent
none  GetQueueUrl                              ok          ok          absent      absent      absent      absent
allow GetQueueUrl                              ok          ok          ok          ok          ok          absent
deny  GetQueueUrl                              ok          explicit    absent      absent      absent      absent
both  GetQueueUrl                              ok          explicit    absent      absent      absent      absent
none  DeleteQueue                              ok          ok          silent      silent      silent      absent
allow DeleteQueue                              ok          ok          silent      silent      silent      absent
deny  DeleteQueue                              ok          explicit    explicit    explicit    explicit    absent
both  DeleteQueue                              ok          explicit    explicit    explicit    explicit    absent
none  ListMessageMoveTasks                     ok          ok          silent      silent      silent      absent
allow ListMessageMoveTasks                     ok          ok          silent      silent      silent      absent
deny  ListMessageMoveTasks                     ok          explicit    explicit    explicit    explicit    absent
both  ListMessageMoveTasks                     ok          explicit    explicit    explicit    explicit    absent
none  SettlePushes                             ok          ok          silent      silent      silent      absent
allow SettlePushes                             ok          ok          silent      silent      silent      absent
deny  SettlePushes                             ok          ok          silent      silent      silent      absent
both  SettlePushes                             ok          ok          silent      silent      silent      absent
none  ListDamagedMessages                      not-broker  not-broker  not-broker  not-broker  not-broker  ok
allow ListDamagedMessages                      not-broker  not-broker  not-broker  not-broker  not-broker  ok
none  DropDamagedMessages                      not-broker  not-broker  not-broker  not-broker  not-broker  ok
allow DropDamagedMessages                      not-broker  not-broker  not-broker  not-broker  not-broker  ok
none  Publish                                  ok          ok          silent      silent      silent      silent
allow Publish                                  ok          ok          ok          ok          ok          ok
deny  Publish                                  ok          explicit    explicit    explicit    explicit    explicit
both  Publish                                  ok          explicit    explicit    explicit    explicit    explicit
none  Subscribe                                ok          ok          silent      silent      silent      silent
allow Subscribe                                ok          ok          ok          ok          no-account  no-account
deny  Subscribe                                ok          explicit    explicit    explicit    explicit    explicit
both  Subscribe                                ok          explicit    explicit    explicit    explicit    explicit
none  DeleteTopic                              ok          ok          silent      silent      silent      silent
allow DeleteTopic                              ok          ok          ok          ok          ok          ok
deny  DeleteTopic                              ok          explicit    explicit    explicit    explicit    explicit
both  DeleteTopic                              ok          explicit    explicit    explicit    explicit    explicit
none  ListTagsForResource                      ok          ok          silent      silent      silent      silent
allow ListTagsForResource                      ok          ok          ok          ok          ok          ok
deny  ListTagsForResource                      ok          explicit    explicit    explicit    explicit    explicit
both  ListTagsForResource                      ok          explicit    explicit    explicit    explicit    explicit
none  GetSubscriptionAttributes                ok          ok          ok          not-owner   not-owner   not-owner
allow GetSubscriptionAttributes                ok          ok          ok          not-owner   not-owner   not-owner
deny  GetSubscriptionAttributes                ok          ok          ok          not-owner   not-owner   not-owner
both  GetSubscriptionAttributes                ok          ok          ok          not-owner   not-owner   not-owner
none  CreateQueue                              ok          ok          ok          ok          no-account  no-account
none  ListQueues                               ok          ok          ok          ok          no-account  no-account
none  PurgeQueue/absent                        absent      absent      absent      absent      absent      absent
none  GetQueueUrl/absent                       absent      absent      absent      absent      absent      absent
none  ListQueueTags/absent                     absent      absent      absent      absent      absent      absent
none  ListMessageMoveTasks/absent              absent      absent      absent      absent      absent      absent
none  CreateTopic                              ok          ok          ok          ok          no-account  no-account
none  ListTopics                               ok          ok          ok          ok          no-account  no-account
none  Publish/absent                           absent      absent      silent      silent      silent      silent
none  Publish/endpoint                         ok          ok          not-owner   not-owner   no-account  no-account
none  GetTopicAttributes/absent                absent      absent      silent      silent      silent      silent
none  DeleteTopic/absent                       ok          ok          silent      silent      silent      silent
none  ListTagsForResource/absent               absent      absent      silent      silent      silent      silent
none  GetSubscriptionAttributes/absent         absent      absent      not-owner   not-owner   not-owner   not-owner
none  ListSubscriptions                        ok          ok          ok          ok          no-account  no-account
none  ListPlatformApplications                 ok          ok          ok          ok          no-account  no-account
none  GetPlatformApplicationAttributes         ok          ok          not-owner   not-owner   not-owner   not-owner
none  GetPlatformApplicationAttributes/absent  absent      absent      not-owner   not-owner   not-owner   not-owner
none  GetEndpointAttributes                    ok          ok          not-owner   not-owner   not-owner   ok
none  GetEndpointAttributes/absent             absent      absent      not-owner   not-owner   not-owner   absent
none  DeleteEndpoint                           ok          ok          not-owner   not-owner   not-owner   not-owner
none  GetSMSAttributes                         ok          ok          ok          ok          no-account  no-account
none  SmsOptOut                                not-broker  not-broker  not-broker  not-broker  not-broker  ok
";

fn policy(service: &str, effects: &[&str]) -> String {
    let statement = |effect: &&str| format!(r#"{{"Effect":"{effect}","Principal":"*","Action":"{service}:*"}}"#);
    let statements: Vec<String> = effects.iter().map(statement).collect();
    format!(r#"{{"Statement":[{}]}}"#, statements.join(","))
}

struct Setting {
    world: World,
    endpoint: EndpointAddress,
    subscription: SubscriptionAddress,
}

impl Setting {
    fn new(effects: &[&str]) -> Self {
        Self::with(effects, Options::default())
    }

    fn with(effects: &[&str], options: Options) -> Self {
        let mut world = World::new(options);
        world.checkpointing = false;
        let create = CreateQueue {
            name: "q".parse().expect("a name"),
            attributes: AttributeChanges::default(),
            tags: Tags::default(),
        };
        world.ask(Request::CreateQueue(create)).expect("created");
        let open = policy("sns", &["Allow"]);
        let create = CreateTopic {
            name: "t".parse().expect("a name"),
            attributes: TopicAttributes::parse([("Policy", open.as_str())]).expect("attributes"),
            tags: Tags::default(),
            data_protection: None,
        };
        world.ask(Request::CreateTopic(create)).expect("created");
        let subscription = as_caller(&mut world, SUBSCRIBER, |world| {
            let queue = format!("{SUBSCRIBER}/q");
            let (subscribe, _) =
                world.subscribing("t", "sqs", &queue, Ok(SubscriptionAttributes::default())).expect("an endpoint");
            let address = SubscriptionAddress { topic: subscribe.topic.clone(), id: subscribe.id };
            world.ask(Request::Subscribe(subscribe)).expect("subscribed");
            address
        });
        if effects.is_empty() {
            set_policies(&mut world, "", "");
        } else {
            set_policies(&mut world, &policy("sqs", effects), &policy("sns", effects));
        }
        let application = application("shop");
        let given = ApplicationChanges::parse(application.platform, [("PlatformCredential", "key")]).expect("valid");
        let attributes = ApplicationAttributes::new(application.platform, &given).expect("valid");
        let create = CreatePlatformApplication { application: application.clone(), attributes };
        world.ask(Request::CreatePlatformApplication(create)).expect("created");
        let id = EndpointId::from_random(world.fresh_id());
        let attributes = EndpointChanges::parse(application.platform, [("Token", "t1")]);
        let create = CreatePlatformEndpoint { application: application.clone(), id, attributes };
        world.ask(Request::CreatePlatformEndpoint(create)).expect("created");
        Self { world, endpoint: EndpointAddress { application, id }, subscription }
    }

    /// The request that a row names.
    fn request(&mut self, name: &str) -> Request {
        let world = &mut self.world;
        let (queue, absent_queue) = (world.address("q"), world.address("absent"));
        let (topic, absent_topic) = (world.topic("t"), world.topic("absent"));
        let no_subscription =
            SubscriptionAddress { topic: topic.clone(), id: SubscriptionId::from_random(world.fresh_id()) };
        match name {
            "CreateQueue" => Request::CreateQueue(CreateQueue {
                name: "new".parse().expect("a name"),
                attributes: AttributeChanges::default(),
                tags: Tags::default(),
            }),
            "ListQueues" => {
                Request::ListQueues(ListQueues { prefix: "".into(), results_max: PageSize::MAX, after: None })
            }
            "PurgeQueue" => Request::PurgeQueue(PurgeQueue { queue }),
            "PurgeQueue/absent" => Request::PurgeQueue(PurgeQueue { queue: absent_queue }),
            "GetQueueUrl" => Request::GetQueueUrl(GetQueueUrl { queue }),
            "GetQueueUrl/absent" => Request::GetQueueUrl(GetQueueUrl { queue: absent_queue }),
            "DeleteQueue" => Request::DeleteQueue(DeleteQueue { queue }),
            "ListQueueTags/absent" => Request::ListQueueTags(ListQueueTags { queue: absent_queue }),
            "ListMessageMoveTasks" => {
                Request::ListMessageMoveTasks(ListMessageMoveTasks { source: queue, results_max: PageSize::MAX })
            }
            "ListMessageMoveTasks/absent" => {
                Request::ListMessageMoveTasks(ListMessageMoveTasks { source: absent_queue, results_max: PageSize::MAX })
            }
            "SettlePushes" => Request::SettlePushes(SettlePushes { queue, deliveries: Vec::new() }),
            "ListDamagedMessages" => {
                Request::ListDamagedMessages(ListDamagedMessages { after: None, results_max: PageSize::MAX })
            }
            "DropDamagedMessages" => Request::DropDamagedMessages(DropDamagedMessages::new(Vec::new()).expect("none")),
            "CreateTopic" => Request::CreateTopic(CreateTopic {
                name: "new".parse().expect("a name"),
                attributes: TopicAttributes::default(),
                tags: Tags::default(),
                data_protection: None,
            }),
            "ListTopics" => Request::ListTopics(ListTopics { after: None }),
            "Publish" => Request::Publish(world.publishing("t", "m")),
            "Publish/absent" => Request::Publish(world.publishing("absent", "m")),
            "Publish/endpoint" => {
                let target = PublishTarget::Endpoint(self.endpoint.clone());
                Request::Publish(Publish { target, ..world.publishing("t", "m") })
            }
            "Subscribe" => {
                let queue = format!("{OTHER}/q");
                let attributes = Ok(SubscriptionAttributes::default());
                Request::Subscribe(world.subscribing("t", "sqs", &queue, attributes).expect("an endpoint").0)
            }
            "GetTopicAttributes/absent" => Request::GetTopicAttributes(GetTopicAttributes { topic: absent_topic }),
            "DeleteTopic" => Request::DeleteTopic(DeleteTopic { topic }),
            "DeleteTopic/absent" => Request::DeleteTopic(DeleteTopic { topic: absent_topic }),
            "ListTagsForResource" => Request::ListTagsForResource(ListTagsForResource { topic }),
            "ListTagsForResource/absent" => Request::ListTagsForResource(ListTagsForResource { topic: absent_topic }),
            "GetSubscriptionAttributes" => Request::GetSubscriptionAttributes(GetSubscriptionAttributes {
                subscription: self.subscription.clone(),
            }),
            "GetSubscriptionAttributes/absent" => {
                Request::GetSubscriptionAttributes(GetSubscriptionAttributes { subscription: no_subscription })
            }
            "ListSubscriptions" => Request::ListSubscriptions(ListSubscriptions { after: None }),
            "ListPlatformApplications" => Request::ListPlatformApplications(ListPlatformApplications { after: None }),
            "GetPlatformApplicationAttributes" => {
                let application = application("shop");
                Request::GetPlatformApplicationAttributes(GetPlatformApplicationAttributes { application })
            }
            "GetPlatformApplicationAttributes/absent" => {
                let application = application("absent");
                Request::GetPlatformApplicationAttributes(GetPlatformApplicationAttributes { application })
            }
            "GetEndpointAttributes" => {
                Request::GetEndpointAttributes(GetEndpointAttributes { endpoint: self.endpoint.clone() })
            }
            "GetEndpointAttributes/absent" => {
                let id = EndpointId::from_random(world.fresh_id());
                let endpoint = EndpointAddress { application: application("shop"), id };
                Request::GetEndpointAttributes(GetEndpointAttributes { endpoint })
            }
            "DeleteEndpoint" => Request::DeleteEndpoint(DeleteEndpoint { endpoint: self.endpoint.clone() }),
            "GetSMSAttributes" => Request::GetSMSAttributes(GetSMSAttributes { names: Vec::new() }),
            "SmsOptOut" => {
                let (account, phone_number) = (OWNER.parse().expect("valid"), "+12345678".parse().expect("valid"));
                Request::SmsOptOut(SmsOptOut { region: region(), account, phone_number })
            }
            other => panic!("no such request: {other}"),
        }
    }
}

fn application(name: &str) -> posthouse_model::ApplicationAddress {
    format!("arn:aws:sns:{}:{OWNER}:app/GCM/{name}", region()).parse().expect("an application")
}

fn set_policies(world: &mut World, of_queue: &str, of_topic: &str) {
    let (queue, topic) = (world.address("q"), world.topic("t"));
    let changes = AttributeChanges::parse([("Policy", of_queue)]).expect("an attribute");
    world.ask(Request::SetQueueAttributes(SetQueueAttributes { queue, changes })).expect("set");
    let attribute = TopicAttribute::parse(TopicAttributeName::Policy, of_topic);
    world.ask(Request::SetTopicAttributes(SetTopicAttributes { topic, attribute })).expect("set");
}

fn as_caller<T>(world: &mut World, caller: &str, ask: impl FnOnce(&mut World) -> T) -> T {
    (world.account, world.as_broker) = (caller.parse().ok(), caller == "broker");
    if caller == "root" {
        (world.account, world.user) = (OWNER.parse().ok(), ROOT_USER);
    }
    let answer = ask(world);
    (world.account, world.as_broker, world.user) = (OWNER.parse().ok(), false, USER);
    answer
}

/// The outcome as rows write it.
fn outcome(reply: &Result<Reply, Fault>) -> &'static str {
    match reply {
        Err(Fault::QueueDoesNotExist | Fault::ResourceNotFound(_)) => "absent",
        Err(Fault::Sns(SnsFault::NotFound(_) | SnsFault::ResourceNotFound(_))) => "absent",
        Err(Fault::AccessDenied(denied) | Fault::Sns(SnsFault::AuthorizationError(denied))) => match denied {
            Denied::NoAccount => "no-account",
            Denied::NotBroker { .. } => "not-broker",
            Denied::NotGranted(denial) => match denial.grant {
                Grant::OwnersOnly if denial.resource.is_none() => "no-account",
                Grant::OwnersOnly => "not-owner",
                Grant::NotAllowed(_) => "silent",
                Grant::Denied(_) => "explicit",
            },
        },
        Ok(_) | Err(_) => "ok",
    }
}

#[test]
fn outcomes() {
    for row in ROWS.lines().filter(|row| !row.is_empty()) {
        let words: Vec<&str> = row.split_whitespace().collect();
        let (_, effects) = POLICIES.iter().find(|(name, _)| *name == words[0]).expect("a policy");
        let got = CALLERS.map(|caller| {
            let mut setting = Setting::new(effects);
            let request = setting.request(words[1]);
            outcome(&as_caller(&mut setting.world, caller, |world| world.ask(request)))
        });
        assert_eq!(got, words[2..], "{row}");
    }
}
