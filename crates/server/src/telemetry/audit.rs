//! The audit trail: a line of JSON for each call to the API and the registry, allowed or refused,
//! in the shape of CloudTrail's records, with what was decided and by which policy. It goes to a
//! file of its own.
//!
//! Sources: "CloudTrail record contents", "CloudTrail userIdentity element" and "Logging Amazon ECR
//! actions with AWS CloudTrail". What CloudTrail has no place for is in `additionalEventData`.

mod identity;
mod rotated;

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use wharf_api::Told;
use wharf_distribution::Outcome;
use wharf_policy::{Action, Decided, Layer};

use self::identity::UserIdentity;
pub use self::rotated::Limits;
use self::rotated::Rotated;
use super::access::Destination;
use super::lines::{Dropped, Lines};
use super::record::Record;

/// The most that waits to be written, in bytes.
const CAPACITY: usize = 64 << 20;

/// What a door tells of a call; in the extensions of its response.
#[derive(Clone, Debug)]
pub struct Event(Arc<Told>);

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
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_region: Option<&'a str>,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: String,
    user_agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    request_parameters: Option<&'a Value>,
    response_elements: (),
    additional_event_data: Additional<'a>,
    #[serde(rename = "requestID")]
    request_id: uuid::Uuid,
    #[serde(rename = "eventID")]
    event_id: uuid::Uuid,
    read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<ResourceEntry<'a>>,
    event_type: &'static str,
    management_event: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_account_id: Option<&'a str>,
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

    pub(super) fn write(&self, record: &Record, event: &Event, event_id: uuid::Uuid) {
        let decisions = event.0.requester.as_ref().map(|requester| requester.trail.decisions());
        let decisions = decisions.unwrap_or_default();
        let entry = Entry::new(record, &event.0, &decisions, event_id);
        // Nothing in an entry can fail to be written as JSON.
        if let Ok(mut line) = serde_json::to_vec(&entry) {
            line.push(b'\n');
            self.lines.push(&line);
        }
    }
}

impl<'a> Entry<'a> {
    fn new(
        record: &'a Record,
        told: &'a Told,
        decisions: &'a [Decided],
        event_id: uuid::Uuid,
    ) -> Self {
        let caller = told.requester.as_ref().map(|requester| &**requester.caller());
        let origin = told.requester.as_ref().map(|requester| &*requester.origin);
        let agent = record.agent.as_ref().map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let event_name = name(record, told, decisions);
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Self {
            event_version: "1.11",
            user_identity: UserIdentity::of(caller),
            event_time: now,
            event_source: format!("{}.amazonaws.com", told.service),
            event_name,
            aws_region: origin.map(|origin| origin.region.as_str()),
            source_ip_address: record.source.map_or_else(String::new, |s| s.address.to_string()),
            user_agent: agent.unwrap_or_default().into_owned(),
            error_code: told.error.as_ref().map(|(code, _)| code.as_str()),
            error_message: told.error.as_ref().map(|(_, message)| message.as_str()),
            request_parameters: told.parameters.as_ref(),
            response_elements: (),
            additional_event_data: Additional {
                http_method: record.method.as_str(),
                http_path: record.uri.path(),
                http_status: record.status(),
                decisions: decisions.iter().map(DecisionEntry::of).collect(),
            },
            request_id: record.id,
            event_id,
            read_only: !Action::writes(event_name),
            resources: resources(decisions),
            event_type: "AwsApiCall",
            management_event: true,
            recipient_account_id: caller.map(|caller| caller.account.as_str()),
            event_category: "Management",
        }
    }
}

/// The operation, or under `/v2/` the one whose action was asked for; a login asks for none.
fn name<'a>(record: &'a Record, told: &Told, decisions: &'a [Decided]) -> &'a str {
    if let Some(operation) = told.operation {
        return operation;
    }
    let first = decisions.first().and_then(|decided| decided.action.split_once(':'));
    match first {
        Some((_, name)) => name,
        None if record.uri.path().trim_end_matches('/') == "/v2" => "CheckLogin",
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
