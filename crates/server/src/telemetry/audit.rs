//! The audit trail: a line of JSON for each call to the API and the registry, allowed or refused,
//! in the shape of CloudTrail's records, with what was decided and by which policy. It goes to a
//! file of its own.
//!
//! Sources: "CloudTrail record contents", "CloudTrail userIdentity element" and "Logging Amazon ECR
//! actions with AWS CloudTrail". What CloudTrail has no place for is in `additionalEventData`.

mod identity;
mod rotated;

use std::io;
use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use wharf_api::Told;
use wharf_distribution::Outcome;
use wharf_policy::{Action, Decided, Layer, Requester, Source};

use self::identity::UserIdentity;
pub use self::rotated::Limits;
use self::rotated::Rotated;
use super::access::Destination;
use super::lines::{Dropped, Lines};

/// The most that waits to be written, in bytes.
const CAPACITY: usize = 64 << 20;

/// What a door tells of a call; in the extensions of its response.
#[derive(Clone, Debug)]
pub struct Event(Arc<Told>);

/// What is known of a request before it is answered.
#[derive(Debug)]
pub struct Head {
    id: Uuid,
    method: Method,
    path: String,
    source: Option<Source>,
    agent: String,
}

/// The record of one call, from its head to its answer; in the request's extensions. It is written
/// when the last one who holds it lets it go, so that a client who hangs up does not keep what it
/// changed out of the trail.
#[derive(Clone)]
pub struct Noted(Arc<Unwritten>);

struct Unwritten {
    trail: AuditTrail,
    head: Head,
    answered: OnceLock<(Event, StatusCode)>,
}

/// The audit trail. When the last clone is dropped, what is left has been written.
#[derive(Clone)]
pub struct AuditTrail {
    lines: Lines,
}

/// One record. The names are CloudTrail's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    event_version: &'static str,
    user_identity: UserIdentity<'a>,
    event_time: String,
    event_source: String,
    event_name: &'a str,
    aws_region: &'a str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: String,
    user_agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    request_parameters: Option<&'a Value>,
    response_elements: (),
    additional_event_data: Additional<'a>,
    #[serde(rename = "requestID")]
    request_id: Uuid,
    #[serde(rename = "eventID")]
    event_id: Uuid,
    read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<ResourceEntry<'a>>,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: &'a str,
    event_category: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Additional<'a> {
    http_method: &'a str,
    http_path: &'a str,
    http_status: u16,
    decisions: Vec<DecisionEntry<'a>>,
}

#[derive(Serialize)]
struct DecisionEntry<'a> {
    action: &'a str,
    resource: &'a str,
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
}

#[derive(Serialize)]
struct ResourceEntry<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
    #[serde(rename = "accountId", skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

impl Event {
    /// A call to the API.
    #[must_use]
    pub fn of_api(told: Told) -> Self {
        Self(Arc::new(told))
    }

    /// A call to the registry under `/v2/`.
    #[must_use]
    pub fn of_registry(outcome: Outcome) -> Self {
        let error = outcome.error.map(|(code, message)| (code.to_owned(), message));
        let requester = outcome.requester;
        Self(Arc::new(Told { service: "ecr", requester, error, ..Told::default() }))
    }
}

impl AuditTrail {
    /// Opens the trail; none when it is off.
    ///
    /// # Errors
    /// When the file cannot be opened or the thread cannot be started.
    pub fn open(
        destination: &Destination,
        limits: Limits,
        dropped: Dropped,
    ) -> io::Result<Option<Self>> {
        let output: Box<dyn io::Write + Send> = match destination {
            Destination::Off => return Ok(None),
            Destination::Stdout => Box::new(io::stdout()),
            Destination::Stderr => Box::new(io::stderr()),
            Destination::File(path) => {
                Box::new(Rotated::open(path.clone(), limits, Box::new(Timestamp::now))?)
            }
        };
        let lines = Lines::to(output, "audit trail", CAPACITY, dropped)?;
        Ok(Some(Self { lines }))
    }

    fn write(&self, head: &Head, event: &Event, status: StatusCode) {
        // Whoever proved nothing is in the access log alone: else anybody could fill the trail.
        let Some(requester) = &event.0.requester else { return };
        let decisions = requester.trail.decisions();
        let entry = Entry::new(head, &event.0, requester, &decisions, status);
        // Nothing in an entry can fail to be written as JSON.
        if let Ok(mut line) = serde_json::to_vec(&entry) {
            line.push(b'\n');
            self.lines.push(&line);
        }
    }
}

impl Head {
    /// The head of a request.
    #[must_use]
    pub fn new(
        id: Uuid,
        method: Method,
        path: &str,
        source: Option<Source>,
        agent: Option<&HeaderValue>,
    ) -> Self {
        let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let agent = cut(&agent.unwrap_or_default()).to_owned();
        Self { id, method, path: cut(path).to_owned(), source, agent }
    }
}

impl Noted {
    /// Begins the record of a request.
    #[must_use]
    pub fn begin(trail: AuditTrail, head: Head) -> Self {
        Self(Arc::new(Unwritten { trail, head, answered: OnceLock::new() }))
    }

    /// Notes what the call came to. The first answer counts.
    pub fn answer(&self, event: Event, status: StatusCode) {
        let _ = self.0.answered.set((event, status));
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        if let Some((event, status)) = self.answered.get() {
            self.trail.write(&self.head, event, *status);
        }
    }
}

/// The most bytes of a text that the client chose.
const LONGEST: usize = 1024;

/// The beginning of a text.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

impl<'a> Entry<'a> {
    fn new(
        head: &'a Head,
        told: &'a Told,
        requester: &'a Requester,
        decisions: &'a [Decided],
        status: StatusCode,
    ) -> Self {
        let (caller, origin) = (&**requester.caller(), &*requester.origin);
        let event_name = name(head, told, decisions);
        Self {
            event_version: "1.11",
            user_identity: UserIdentity::of(caller),
            event_time: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            event_source: format!("{}.amazonaws.com", told.service),
            event_name,
            aws_region: origin.region.as_str(),
            source_ip_address: head.source.map_or_else(String::new, |s| s.address.to_string()),
            user_agent: &head.agent,
            error_code: told.error.as_ref().map(|(code, _)| cut(code)),
            error_message: told.error.as_ref().map(|(_, message)| cut(message)),
            request_parameters: told.parameters.as_ref(),
            response_elements: (),
            additional_event_data: Additional {
                http_method: head.method.as_str(),
                http_path: &head.path,
                http_status: status.as_u16(),
                decisions: decisions.iter().map(DecisionEntry::of).collect(),
            },
            request_id: head.id,
            event_id: super::random_id(),
            read_only: !Action::writes(event_name),
            resources: resources(decisions),
            event_type: "AwsApiCall",
            management_event: true,
            recipient_account_id: caller.account.as_str(),
            event_category: "Management",
        }
    }
}

/// The operation, or under `/v2/` the one whose action was asked for; a login asks for none.
fn name<'a>(head: &Head, told: &Told, decisions: &'a [Decided]) -> &'a str {
    if let Some(operation) = told.operation {
        return operation;
    }
    let first = decisions.first().and_then(|decided| decided.action.split_once(':'));
    match first {
        Some((_, name)) => name,
        None if head.path.trim_end_matches('/') == "/v2" => "CheckLogin",
        None => "Unknown",
    }
}

/// The ARNs that were decided about, each once.
fn resources(decisions: &[Decided]) -> Vec<ResourceEntry<'_>> {
    let mut arns: Vec<&str> = decisions.iter().map(|decided| &*decided.resource).collect();
    arns.retain(|arn| *arn != "*");
    arns.dedup();
    arns.into_iter().map(|arn| ResourceEntry { arn, account_id: arn.split(':').nth(4) }).collect()
}

impl<'a> DecisionEntry<'a> {
    fn of(decided: &'a Decided) -> Self {
        Self {
            action: &decided.action,
            resource: &decided.resource,
            decision: match decided.outcome {
                wharf_policy::Outcome::Allow => "allow",
                wharf_policy::Outcome::ExplicitDeny => "explicitDeny",
                wharf_policy::Outcome::ImplicitDeny => "implicitDeny",
            },
            layer: decided.layer.map(|layer| match layer {
                Layer::Identity => "identity",
                Layer::Boundary => "boundary",
                Layer::Session => "session",
                Layer::Resource => "resource",
                Layer::Trust => "trust",
            }),
            policy: decided.policy.as_deref(),
            sid: decided.sid.as_deref(),
        }
    }
}
