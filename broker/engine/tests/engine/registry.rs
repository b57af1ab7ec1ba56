//! The registry through the requests of SNS: tables for mobile push and SMS settings, and random histories.
//!
//! Each line is a command, with the expected reply after `->`: a value, or a fault by its name alone or with its
//! message. A command without `->` must succeed. Words with `=` are attributes or options.
//!
//! ```text
//! create-application GCM/shop PlatformCredential=key
//! create-endpoint    GCM/shop as=phone Token=t1     -> phone
//! get-endpoint       GCM/shop phone                 -> Enabled=true Token=t1
//! list-endpoints     GCM/shop                       -> phone
//! opt-out            +12345678                      as push delivery does
//! see-endpoint       GCM/shop phone                 as push delivery does; and disable-endpoint
//! caller             111111111111                   the account of the commands below; `anonymous` for none
//! advance            3600                           seconds
//! region             eu-west-1                      the region that the commands below are signed for
//! restart                                           replay the journal into a new engine
//! ```
//!
//! Each script runs without checkpoints, and with a checkpoint that is continuously written.

mod histories;
mod platform;
mod sms;

use std::collections::BTreeMap;

use posthouse_engine::{Options, Outcome, RequestToken};
use posthouse_model::notification::{PublicationDraft, PublicationKind};
use posthouse_model::operation::*;
use posthouse_model::{
    AccountId, ApplicationAddress, ApplicationAttributes, ApplicationChanges, Call, Caller, EndpointAddress,
    EndpointChanges, EndpointId, Fault, Identity, OneTimePassword, PageSize, PhoneNumber, Request, SmsAttributeChanges,
    SnsFault,
};

use crate::world::{World, region};

fn run(script: &str) {
    for checkpointing in [false, true] {
        let mut world = World::new(Options::default());
        world.checkpointing = checkpointing;
        let mut interpreter = Interpreter { world, endpoints: BTreeMap::new() };
        for (number, line) in script.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            interpreter.line(line, number + 1);
        }
        interpreter.world.check();
    }
}

struct Interpreter {
    world: World,
    /// Endpoints by the names that scripts give them.
    endpoints: BTreeMap<String, EndpointId>,
}

/// A line without its command.
struct Words<'a> {
    plain: Vec<&'a str>,
    options: BTreeMap<&'a str, &'a str>,
}

impl Words<'_> {
    fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let attributes = self.options.iter().filter(|(name, _)| name.starts_with(char::is_uppercase));
        attributes.map(|(name, value)| (*name, *value))
    }

    fn application_changes(&self, application: &ApplicationAddress) -> Result<ApplicationChanges, Fault> {
        ApplicationChanges::parse(application.platform, self.attributes())
    }

    fn endpoint_changes(&self, application: &ApplicationAddress) -> Result<EndpointChanges, Fault> {
        EndpointChanges::parse(application.platform, self.attributes())
    }
}

impl Interpreter {
    fn line(&mut self, line: &str, number: usize) {
        let (command, expected) = line.split_once(" -> ").map_or((line.trim(), "ok"), |(c, e)| (c.trim(), e.trim()));
        let (shown, in_full) = match self.try_line(command) {
            Ok(reply) => (reply.clone(), reply),
            Err(fault) => {
                let (name, message) = (fault_name(&fault), posthouse_aws::fault_message(&fault).into_owned());
                let in_full = format!("{name}: {message}");
                (if expected.contains(": ") { in_full.clone() } else { name }, in_full)
            }
        };
        assert_eq!(shown, expected, "line {number}: {}\n      in full: {in_full}", line.trim());
    }

    /// Executes a command and returns its reply or fault.
    fn try_line(&mut self, command: &str) -> Result<String, Fault> {
        let mut parts = command.split_whitespace();
        let name = parts.next().expect("a command");
        let (options, plain): (Vec<&str>, Vec<&str>) = parts.partition(|word| word.contains('='));
        let options = options.iter().filter_map(|word| word.split_once('=')).collect();
        self.command(name, &Words { plain, options })
    }

    fn command(&mut self, name: &str, words: &Words<'_>) -> Result<String, Fault> {
        let word = words.plain.first().copied().unwrap_or_default();
        match name {
            "caller" => self.world.account = word.parse().ok(),
            "advance" => self.world.advance(word.parse::<u64>().expect("seconds") * 1000),
            "region" => self.world.region = word.parse().expect("a region"),
            "restart" => self.world.restart(),
            "opt-out" => {
                let phone_number: PhoneNumber = word.parse().expect("a number");
                let account = AccountId::DEFAULT;
                return self.as_broker(Request::SmsOptOut(SmsOptOut { region: region(), account, phone_number }));
            }
            "disable-endpoint" => {
                let endpoint = self.endpoint(words);
                let changes = words.endpoint_changes(&endpoint.application);
                let request = SetEndpointAttributes { endpoint, changes };
                return self.as_broker(Request::SetEndpointAttributes(request));
            }
            "see-endpoint" => {
                let endpoint = self.endpoint(words);
                return self.as_broker(Request::GetEndpointAttributes(GetEndpointAttributes { endpoint }));
            }
            "create-endpoint" => return self.create_endpoint(words),
            _ => {
                let request = match self.platform_request(name, words)? {
                    Some(request) => request,
                    None => sms_request(name, words)?,
                };
                return self.world.ask(request).map(|reply| self.render(reply));
            }
        }
        Ok("ok".into())
    }

    fn as_broker(&mut self, request: Request) -> Result<String, Fault> {
        let caller = Caller { identity: Identity::Broker, ..self.world.caller() };
        let mut answers = Vec::new();
        let World { engine, journal, now, .. } = &mut self.world;
        engine.handle(*now, RequestToken(u64::MAX), Call { caller, request }, journal, &mut answers);
        match answers.pop().map(|answer| answer.outcome) {
            Some(Outcome::Reply(reply)) => reply.map(|reply| self.render(reply)),
            other => panic!("no reply: {other:?}"),
        }
    }

    fn create_endpoint(&mut self, words: &Words<'_>) -> Result<String, Fault> {
        let id = EndpointId::from_random(self.world.fresh_id());
        let name = words.options.get("as").copied().unwrap_or("unnamed");
        let application = self.application(words.plain[0]);
        let attributes = words.endpoint_changes(&application);
        let request = CreatePlatformEndpoint { application, id, attributes };
        let reply = self.world.ask(Request::CreatePlatformEndpoint(request))?;
        if matches!(&reply, Reply::Endpoint(endpoint) if endpoint.id == id) {
            self.endpoints.insert(name.into(), id);
        }
        Ok(self.render(reply))
    }

    /// The request of a line about platforms; `None` for other lines.
    fn platform_request(&self, name: &str, words: &Words<'_>) -> Result<Option<Request>, Fault> {
        let application = || self.application(words.plain[0]);
        Ok(Some(match name {
            "create-application" => {
                let application = application();
                let given = words.application_changes(&application)?;
                let attributes = ApplicationAttributes::new(application.platform, &given)?;
                Request::CreatePlatformApplication(CreatePlatformApplication { application, attributes })
            }
            "delete-application" => {
                Request::DeletePlatformApplication(DeletePlatformApplication { application: application() })
            }
            "get-application" => Request::GetPlatformApplicationAttributes(GetPlatformApplicationAttributes {
                application: application(),
            }),
            "set-application" => Request::SetPlatformApplicationAttributes(SetPlatformApplicationAttributes {
                application: application(),
                changes: words.application_changes(&application()),
            }),
            "list-applications" => {
                let after = words.options.get("after").map(|name| self.application(name));
                Request::ListPlatformApplications(ListPlatformApplications { after })
            }
            "delete-endpoint" => Request::DeleteEndpoint(DeleteEndpoint { endpoint: self.endpoint(words) }),
            "get-endpoint" => Request::GetEndpointAttributes(GetEndpointAttributes { endpoint: self.endpoint(words) }),
            "set-endpoint" => {
                let changes = words.endpoint_changes(&application());
                Request::SetEndpointAttributes(SetEndpointAttributes { endpoint: self.endpoint(words), changes })
            }
            "list-endpoints" => Request::ListEndpointsByPlatformApplication(ListEndpointsByPlatformApplication {
                application: application(),
                after: words.options.get("after").map(|text| match text.split_once(':') {
                    Some((application, endpoint)) => {
                        EndpointAddress { application: self.application(application), id: self.endpoints[endpoint] }
                    }
                    None => EndpointAddress { application: application(), id: self.endpoints[*text] },
                }),
            }),
            _ => return Ok(None),
        }))
    }

    /// `GCM/shop`, in the default account, or `111111111111/GCM/shop`.
    fn application(&self, text: &str) -> ApplicationAddress {
        let (account, name) = match text.split_once('/') {
            Some((account, name)) if account.parse::<AccountId>().is_ok() => (account, name),
            _ => ("000000000000", text),
        };
        format!("arn:aws:sns:{}:{account}:app/{name}", region()).parse().expect("an application")
    }

    fn endpoint(&self, words: &Words<'_>) -> EndpointAddress {
        EndpointAddress { application: self.application(words.plain[0]), id: self.endpoints[words.plain[1]] }
    }

    fn endpoint_name(&self, id: EndpointId) -> &str {
        let found = self.endpoints.iter().find(|(_, known)| **known == id);
        found.map_or("unknown", |(name, _)| name)
    }

    fn render(&self, reply: Reply) -> String {
        fn page<T, K>(page: &Page<T, K>, show: impl Fn(&T) -> String) -> String {
            let more = page.next.as_ref().map(|_| "more".into());
            let items: Vec<String> = page.items.iter().map(show).chain(more).collect();
            if items.is_empty() { "nothing".into() } else { items.join(" ") }
        }
        let application_name = |application: &ApplicationAddress| {
            format!("{}/{}", application.platform.as_str(), application.name.as_str())
        };
        match reply {
            Reply::Done => "ok".into(),
            Reply::Flag(flag) => flag.to_string(),
            Reply::OriginationNumbers => "nothing".into(),
            Reply::PlatformApplication(application) => application_name(&application),
            Reply::PlatformApplications(found) => page(&found, |view| application_name(&view.application)),
            Reply::SmsAttributes(attributes) => {
                let pairs = attributes.iter().map(|(name, value)| format!("{}={value}", name.as_str()));
                let pairs: Vec<String> = pairs.collect();
                if pairs.is_empty() { "nothing".into() } else { pairs.join(" ") }
            }
            Reply::PlatformAttributes(attributes) => {
                let pairs: Vec<String> = attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
                if pairs.is_empty() { "nothing".into() } else { pairs.join(" ") }
            }
            Reply::EndpointAttributes(attributes) => {
                let shown = attributes.shown();
                shown.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
            Reply::Endpoint(endpoint) => self.endpoint_name(endpoint.id).into(),
            Reply::Endpoints(found) => page(&found, |view| self.endpoint_name(view.endpoint.id).into()),
            Reply::PhoneNumbers(found) => page(&found, ToString::to_string),
            Reply::SandboxNumbers(found) => page(&found, |number| {
                let status = if number.verified { "verified" } else { "pending" };
                format!("{}({status})", number.phone_number)
            }),
            other => panic!("not a reply of the registry: {other:?}"),
        }
    }
}

fn sms_request(name: &str, words: &Words<'_>) -> Result<Request, Fault> {
    let password = words.options.get("password").copied().unwrap_or("123456");
    let password: OneTimePassword = password.parse().expect("a password");
    let number = || words.plain[0].parse().expect("a number");
    let after = words.options.get("after").map(|text| text.parse().expect("a number"));
    Ok(match name {
        "set-sms" => {
            Request::SetSMSAttributes(SetSMSAttributes { changes: SmsAttributeChanges::parse(words.attributes())? })
        }
        "get-sms" => Request::GetSMSAttributes(GetSMSAttributes { names: Vec::new() }),
        "opted-out" => Request::CheckIfPhoneNumberIsOptedOut(CheckIfPhoneNumberIsOptedOut { phone_number: number() }),
        "list-opted-out" => Request::ListPhoneNumbersOptedOut(ListPhoneNumbersOptedOut { after }),
        "opt-in" => Request::OptInPhoneNumber(OptInPhoneNumber { phone_number: number() }),
        "opt-out-as-caller" => {
            let (region, account) = (region(), AccountId::DEFAULT);
            Request::SmsOptOut(SmsOptOut { region, account, phone_number: number() })
        }
        "create-number" => Request::CreateSMSSandboxPhoneNumber(CreateSMSSandboxPhoneNumber {
            phone_number: number(),
            message: one_time_password(&password),
            password,
        }),
        "verify-number" => {
            Request::VerifySMSSandboxPhoneNumber(VerifySMSSandboxPhoneNumber { phone_number: number(), password })
        }
        "delete-number" => Request::DeleteSMSSandboxPhoneNumber(DeleteSMSSandboxPhoneNumber { phone_number: number() }),
        "list-numbers" => Request::ListSMSSandboxPhoneNumbers(ListSMSSandboxPhoneNumbers {
            after,
            results_max: words
                .options
                .get("max")
                .map_or(PageSize::MAX, |text| PageSize::new(text.parse().expect("a number")).expect("in range")),
        }),
        "in-sandbox" => Request::GetSMSSandboxAccountStatus(GetSMSSandboxAccountStatus),
        "origination-numbers" => Request::ListOriginationNumbers(ListOriginationNumbers),
        other => panic!("no such command: {other}"),
    })
}

fn fault_name(fault: &Fault) -> String {
    let shown = match fault {
        Fault::Sns(SnsFault::Verification) => return "VerificationException".into(),
        Fault::Sns(fault) => format!("{fault:?}"),
        other => format!("{other:?}"),
    };
    shown.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// The publication that carries a one-time password to a number in the sandbox.
fn one_time_password(password: &OneTimePassword) -> posthouse_model::Publication {
    let text = format!("Your code is {}", password.as_str());
    let id = posthouse_model::MessageId::from_random([7; 16]);
    PublicationDraft::new(id, &text, PublicationKind::PhoneNumber).seal().expect("valid")
}
