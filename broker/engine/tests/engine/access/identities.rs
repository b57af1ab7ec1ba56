//! What each operation needs of identity policies: every row is asked by a user that is allowed exactly that, and by
//! users that lack one part of it.

use std::sync::Arc;

use posthouse_engine::Options;
use posthouse_model::fault::PolicyType;
use posthouse_model::notification::PublicationDraft;
use posthouse_model::topic_attributes::SubscriptionAttribute;
use posthouse_model::{Action, MessageCount, MessageId, Permissions, ReceiveWait};
use posthouse_policy::{IdentityPolicies, IdentityPolicy, PolicySet};

use super::*;

/// A row: the request, and the actions that it needs with their resources. `q` and `t` are the ARNs of the queue and the
/// topic, `sqs` and `sns` all that the account has.
const NEEDS: &str = "
SendMessage                     sqs:SendMessage=q
SendMessageBatch                sqs:SendMessage=q
ReceiveMessage                  sqs:ReceiveMessage=q
PurgeQueue                      sqs:PurgeQueue=q
GetQueueUrl                     sqs:GetQueueUrl=q
DeleteQueue                     sqs:DeleteQueue=q
SetQueueAttributes              sqs:SetQueueAttributes=q
ListMessageMoveTasks            sqs:ListMessageMoveTasks=q
ListQueues                      sqs:ListQueues=sqs
CreateQueue                     sqs:CreateQueue=new
CreateQueue/tagged              sqs:CreateQueue=new sqs:TagQueue=new
TagQueue                        sqs:TagQueue=q
StartMessageMoveTask            sqs:StartMessageMoveTask=dead sqs:ReceiveMessage=dead sqs:DeleteMessage=dead sqs:SendMessage=source
StartMessageMoveTask/to         sqs:StartMessageMoveTask=dead sqs:ReceiveMessage=dead sqs:DeleteMessage=dead sqs:SendMessage=q
CreateTopic                     sns:CreateTopic=topic
CreateTopic/tagged              sns:CreateTopic=topic sns:TagResource=topic
ListTopics                      sns:ListTopics=sns
DeleteTopic                     sns:DeleteTopic=t
DeleteTopic/absent              sns:DeleteTopic=absent-topic
Publish                         sns:Publish=t
PublishBatch                    sns:Publish=t
Publish/absent                  sns:Publish=absent-topic
Publish/endpoint                sns:Publish=endpoint
Publish/phone                   sns:Publish=phone
Subscribe                       sns:Subscribe=t
Subscribe/own                   sns:Subscribe=t sqs:SendMessage=q
Subscribe/later                 sns:Subscribe=t sqs:SendMessage=absent
Subscribe/dead                  sns:Subscribe=t sqs:SendMessage=dead
Subscribe/device                sns:Subscribe=t
SetSubscriptionAttributes       sns:SetSubscriptionAttributes=subscription
SetSubscriptionAttributes/dead  sns:SetSubscriptionAttributes=own-subscription sqs:SendMessage=dead
GetSubscriptionAttributes       sns:GetSubscriptionAttributes=subscription
Unsubscribe                     sns:Unsubscribe=subscription
Unsubscribe/absent              sns:Unsubscribe=absent-subscription
ConfirmSubscription             sns:ConfirmSubscription=t
ListSubscriptions               sns:ListSubscriptions=sns
ListTagsForResource             sns:ListTagsForResource=t
ListPlatformApplications        sns:ListPlatformApplications=sns
GetPlatformApplicationAttributes  sns:GetPlatformApplicationAttributes=application
GetEndpointAttributes           sns:GetEndpointAttributes=endpoint
DeleteEndpoint                  sns:DeleteEndpoint=endpoint
GetSMSAttributes                sns:GetSMSAttributes=sns
CreateSMSSandboxPhoneNumber     sns:CreateSMSSandboxPhoneNumber=sns
";

/// The identity policies of a user that may call these actions, and all others but `denied`.
fn policies(allowed: &[(&str, String)], denied: Option<(&str, &str)>) -> PolicySet {
    let statement = |effect: &str, action: &str, resource: &str| {
        let (element, resource) =
            if resource.starts_with("arn:") { ("Resource", resource) } else { ("NotResource", "arn:aws:sns:*:*:*") };
        format!(r#"{{"Effect":"{effect}","Action":"{action}","{element}":"{resource}"}}"#)
    };
    let allows = allowed.iter().map(|(action, resource)| statement("Allow", action, resource));
    let denies = denied.map(|(action, resource)| statement("Deny", action, resource));
    let statements: Vec<String> = allows.chain(denies).collect();
    if statements.is_empty() {
        return PolicySet::default();
    }
    let text = format!(r#"{{"Statement":[{}]}}"#, statements.join(","));
    PolicySet::new(vec![Arc::new(IdentityPolicy::parse(&text).expect("a policy"))])
}

/// The setting in which the owner's user is asked, with more queues, and a subscription of its own.
struct Limited {
    setting: Setting,
    own_subscription: SubscriptionAddress,
}

impl Limited {
    fn new(set: PolicySet) -> Self {
        let mut table = IdentityPolicies::default();
        let permissions = Permissions::Limited(table.add(set));
        let mut setting = Setting::with(&[], Options { identities: Arc::new(table), ..Options::default() });
        let world = &mut setting.world;
        let create = |name: &str, attributes: &[(&str, &str)]| {
            Request::CreateQueue(CreateQueue {
                name: name.parse().expect("a name"),
                attributes: AttributeChanges::parse(attributes.iter().copied()).expect("attributes"),
                tags: Tags::default(),
            })
        };
        world.ask(create("dead", &[])).expect("created");
        let redrive = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":"1"}}"#, world.address("dead"));
        world.ask(create("source", &[("RedrivePolicy", redrive.as_str())])).expect("created");
        let (subscribe, _) =
            world.subscribing("t", "sqs", "q", Ok(SubscriptionAttributes::default())).expect("an endpoint");
        let own_subscription = SubscriptionAddress { topic: subscribe.topic.clone(), id: subscribe.id };
        world.ask(Request::Subscribe(subscribe)).expect("subscribed");
        world.permissions = permissions;
        Self { setting, own_subscription }
    }

    fn arn(&self, name: &str) -> String {
        let (world, region) = (&self.setting.world, region());
        match name {
            "t" => world.topic("t").to_string(),
            "topic" => world.topic("new").to_string(),
            "absent-topic" => world.topic("absent").to_string(),
            "sqs" => format!("arn:aws:sqs:{region}:{OWNER}:"),
            "sns" => format!("arn:aws:sns:{region}:{OWNER}:*"),
            "phone" => "+12065550100".into(),
            "endpoint" => self.setting.endpoint.to_string(),
            "application" => self.setting.endpoint.application.to_string(),
            "subscription" => self.setting.subscription.to_string(),
            "own-subscription" => self.own_subscription.to_string(),
            "absent-subscription" => self.absent_subscription().to_string(),
            queue => world.address(queue).to_string(),
        }
    }

    fn absent_subscription(&self) -> SubscriptionAddress {
        let id = SubscriptionId::from_bytes([9; 16]);
        SubscriptionAddress { id, ..self.own_subscription.clone() }
    }

    fn request(&mut self, name: &str) -> Request {
        let own_subscription = self.own_subscription.clone();
        let absent = self.absent_subscription();
        let world = &mut self.setting.world;
        let tags = Tags::parse([("team", "shop")]).expect("tags");
        let queue = world.address("q");
        let dead_letters = format!(r#"{{"deadLetterTargetArn":"{}"}}"#, world.address("dead"));
        let subscribing = |world: &mut World, endpoint: &str, attributes: &[(&str, &str)]| {
            let attributes = SubscriptionAttributes::parse(attributes.iter().copied());
            Request::Subscribe(world.subscribing("t", "sqs", endpoint, attributes).expect("an endpoint").0)
        };
        let moving = |world: &mut World, destination| {
            let (task, source) = (MoveTaskId::from_bytes(world.fresh_id()), world.address("dead"));
            Request::StartMessageMoveTask(StartMessageMoveTask { task, source, destination, rate_per_second: None })
        };
        let unsubscribing = |world: &mut World, subscription| {
            let (id, secret) = (MessageId::from_random(world.fresh_id()), world.fresh_id());
            let token = ConfirmationToken { subscription: own_subscription.id, secret };
            let confirmation = posthouse_model::notification::unsubscribe_confirmation(id, &token);
            Request::Unsubscribe(Unsubscribe { subscription, secret, confirmation })
        };
        match name {
            "SendMessage" => {
                let message = world.message("q", "m", None, None).expect("a message");
                Request::SendMessage(SendMessage { queue, delay: None, message })
            }
            "SendMessageBatch" => {
                let message = world.message("q", "m", None, None).expect("a message");
                let entries = vec![("a", SendEntry::new(None, message))];
                let entries = Batch::new(Action::SendMessageBatch, entries).expect("a batch");
                Request::SendMessageBatch(SendMessageBatch::new(queue, entries).expect("short"))
            }
            "ReceiveMessage" => Request::ReceiveMessage(ReceiveMessage {
                queue,
                messages_max: MessageCount::new(1).expect("a count"),
                visibility_timeout: None,
                wait: Some(ReceiveWait::ZERO),
                attempt: None,
            }),
            "SetQueueAttributes" => {
                let changes = AttributeChanges::parse([("DelaySeconds", "1")]).expect("an attribute");
                Request::SetQueueAttributes(SetQueueAttributes { queue, changes })
            }
            "CreateQueue/tagged" => Request::CreateQueue(CreateQueue {
                name: "new".parse().expect("a name"),
                attributes: AttributeChanges::default(),
                tags,
            }),
            "CreateTopic/tagged" => Request::CreateTopic(CreateTopic {
                name: "new".parse().expect("a name"),
                attributes: TopicAttributes::default(),
                tags,
                data_protection: None,
            }),
            "TagQueue" => Request::TagQueue(TagQueue { queue, tags }),
            "StartMessageMoveTask" => moving(world, None),
            "StartMessageMoveTask/to" => moving(world, Some(queue)),
            "PublishBatch" => {
                let publication = world.publishing("t", "m").publication.expect("valid");
                let entry = PublishEntry { publication, refused: None };
                let entries = Batch::new(Action::PublishBatch, vec![("a", entry)]).expect("a batch");
                Request::PublishBatch(PublishBatch { topic: world.topic("t"), entries: Ok(entries) })
            }
            "Publish/phone" => {
                let target = PublishTarget::PhoneNumber("+12065550100".parse().expect("a number"));
                let id = MessageId::from_random(world.fresh_id());
                let publication = PublicationDraft::new(id, "m", target.kind()).seal();
                Request::Publish(Publish { target, publication })
            }
            "Subscribe/own" => subscribing(world, "q", &[]),
            "Subscribe/later" => subscribing(world, "absent", &[]),
            "Subscribe/dead" => {
                let redrive = [("RedrivePolicy", dead_letters.as_str())];
                subscribing(world, &format!("{OTHER}/q"), &redrive)
            }
            "Subscribe/device" => {
                let device = self.setting.endpoint.to_string();
                let attributes = Ok(SubscriptionAttributes::default());
                let world = &mut self.setting.world;
                Request::Subscribe(world.subscribing("t", "application", &device, attributes).expect("a device").0)
            }
            "SetSubscriptionAttributes" => {
                let attribute = SubscriptionAttribute::parse("RawMessageDelivery".parse().expect("a name"), "true");
                let subscription = self.setting.subscription.clone();
                Request::SetSubscriptionAttributes(SetSubscriptionAttributes { subscription, attribute })
            }
            "SetSubscriptionAttributes/dead" => {
                let attribute = SubscriptionAttribute::parse("RedrivePolicy".parse().expect("a name"), &dead_letters);
                let subscription = own_subscription;
                Request::SetSubscriptionAttributes(SetSubscriptionAttributes { subscription, attribute })
            }
            "Unsubscribe" => {
                let subscription = self.setting.subscription.clone();
                unsubscribing(&mut self.setting.world, subscription)
            }
            "Unsubscribe/absent" => unsubscribing(world, absent),
            "ConfirmSubscription" => {
                let token = ConfirmationToken { subscription: absent.id, secret: [0; 16] };
                let topic = world.topic("t");
                Request::ConfirmSubscription(ConfirmSubscription { topic, token, authenticate_on_unsubscribe: true })
            }
            "CreateSMSSandboxPhoneNumber" => {
                let phone_number = "+12065550100".parse().expect("a number");
                let target = PublishTarget::PhoneNumber(phone_number);
                let id = MessageId::from_random(world.fresh_id());
                let message = PublicationDraft::new(id, "m", target.kind()).seal().expect("valid");
                let phone_number = "+12065550100".parse().expect("a number");
                let password = "123456".parse().expect("a password");
                Request::CreateSMSSandboxPhoneNumber(CreateSMSSandboxPhoneNumber { phone_number, password, message })
            }
            other => self.setting.request(other),
        }
    }

    /// The fault that refuses the request for lack of permission: the action, its resource, and what is missing.
    fn refusal(&mut self, name: &str) -> Option<(String, String, Grant)> {
        let request = self.request(name);
        let denial = match self.setting.world.ask_any(request) {
            Err(Fault::AccessDenied(Denied::NotGranted(denial))) => denial,
            Err(Fault::Sns(SnsFault::AuthorizationError(Denied::NotGranted(denial)))) => denial,
            Ok(()) | Err(_) => return None,
        };
        Some((denial.action.into(), denial.resource.unwrap_or_default().into(), denial.grant))
    }
}

#[test]
fn each_operation_needs_its_actions_on_their_resources() {
    for row in NEEDS.lines().filter(|row| !row.is_empty()) {
        let mut words = row.split_whitespace();
        let name = words.next().expect("a request");
        // The setting is the same for all policies, so that the ARNs are those of the setting that is asked.
        let arns = Limited::new(PolicySet::default());
        let needs: Vec<(&str, String)> = words
            .map(|need| {
                let (action, resource) = need.split_once('=').expect("an action and its resource");
                (action, arns.arn(resource))
            })
            .collect();
        let action_of = |action: &str| action.split_once(':').expect("a service").1.to_owned();
        assert_eq!(Limited::new(policies(&needs, None)).refusal(name), None, "{row}: with all it needs");
        for (index, (action, resource)) in needs.iter().enumerate() {
            let rest: Vec<_> =
                needs.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, need)| need.clone()).collect();
            let refused = |grant| Some((action_of(action), resource.clone(), grant));
            let silent = Limited::new(policies(&rest, None)).refusal(name);
            assert_eq!(silent, refused(Grant::NotAllowed(PolicyType::Identity)), "{row}: without {action}");
            let all = [("*", "arn:aws:sqs:*".to_owned()), ("*", "arn:aws:sns:*".to_owned()), ("*", "+".to_owned())];
            let denied = Limited::new(policies(&all, Some((action, resource)))).refusal(name);
            assert_eq!(denied, refused(Grant::Denied(PolicyType::Identity)), "{row}: denied {action}");
        }
    }
}

/// Deliveries within an account ask no policy of the queue. A user that may not send to a queue must not have a topic
/// send to it, unless the queue lets the topic.
#[test]
fn a_queue_that_lets_the_topic_send_may_be_subscribed_without_its_own_permission() {
    let needs = |setting: &Limited| vec![("sns:Subscribe", setting.arn("t"))];
    let allowed = needs(&Limited::new(PolicySet::default()));
    let mut limited = Limited::new(policies(&allowed, None));
    let permissions = core::mem::replace(&mut limited.setting.world.permissions, Permissions::Full);
    let statement = r#"{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage"}"#;
    set_policies(&mut limited.setting.world, &format!(r#"{{"Statement":{statement}}}"#), "");
    limited.setting.world.permissions = permissions;
    assert_eq!(limited.refusal("Subscribe/own"), None);
}

/// A user's own account lets it in by naming it, not by naming the account.
#[test]
fn a_resource_policy_lets_in_the_users_that_it_names() {
    for (principal, refused) in [
        (r#""*""#.to_owned(), false),
        (format!(r#"{{"AWS":"arn:aws:iam::{OWNER}:user/tester"}}"#), false),
        (format!(r#"{{"AWS":"arn:aws:iam::{OWNER}:user/other"}}"#), true),
        (format!(r#"{{"AWS":"{OWNER}"}}"#), true),
    ] {
        let mut limited = Limited::new(PolicySet::default());
        let permissions = core::mem::replace(&mut limited.setting.world.permissions, Permissions::Full);
        let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sqs:*"}}"#);
        set_policies(&mut limited.setting.world, &format!(r#"{{"Statement":{statement}}}"#), "");
        limited.setting.world.permissions = permissions;
        for name in ["SendMessage", "PurgeQueue", "DeleteQueue"] {
            let expected = refused.then_some(Grant::NotAllowed(PolicyType::Identity));
            assert_eq!(limited.refusal(name).map(|(_, _, grant)| grant), expected, "{principal} {name}");
        }
    }
}
